from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.sessions import session_of
from edgecnn.calibration.window_means import window_of


@pytest.mark.parametrize(
    ("size", "kernel", "settings"),
    [
        ((7, 9), (1, 1), {}),
        ((7, 9), (1, 1), {"strides": [2, 2]}),
        ((8, 9), (3, 3), {"pads": [1, 1, 1, 1]}),
        ((8, 9), (3, 2), {"pads": [0, 1, 1, 0], "strides": [2, 1], "dilations": [1, 3]}),
        ((11, 8), (7, 7), {"pads": [3, 3, 3, 3], "strides": [2, 2]}),
        ((7, 8), (3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
        ((7, 8), (3, 4), {"auto_pad": "SAME_LOWER"}),
        ((7, 8), (3, 3), {"auto_pad": "VALID"}),
        ((40,), (5,), {"pads": [2, 2], "strides": [3]}),
    ],
)
def test_the_mean_of_a_convolution_is_its_weights_times_what_its_window_sees(
    size, kernel, settings
):
    random = np.random.default_rng(0)
    x = random.standard_normal((1, 3, *size), dtype=np.float32)
    weights = random.standard_normal((4, 3, *kernel), dtype=np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", **settings)
    model = helper.make_model(
        helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [onnx.ValueInfoProto(name="y")],
            [numpy_helper.from_array(weights, "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    (answer,) = session_of(model).run(["y"], {"x": x})
    means = window_of(node, kernel).means(x[0])
    assert means.shape == (3, *kernel)
    expected = answer[0].reshape(4, -1).mean(axis=1)
    assert weights.reshape(4, -1) @ means.reshape(-1) == pytest.approx(expected, abs=1e-4)
