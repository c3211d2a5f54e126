from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from edgecnn.calibration.forms import StaticForms
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sensitivity import rank_layers
from edgecnn.calibration.sessions import session_of


@pytest.mark.parametrize("spoiled", ["conv1", "conv2"])
def test_the_layer_that_does_harm_comes_first(graphs, spoiled):
    """One filter's weights span so much that the small ones are rounded away."""
    model = graphs.conv_chain(4)
    for tensor in model.graph.initializer:
        if tensor.name == f"{spoiled}_w":
            values = numpy_helper.to_array(tensor).copy()
            values[:, 0, 0, 0] *= 60
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    prepared = prepare(model)
    data = graphs.pictures(24)
    forms = StaticForms(
        prepared, estimate_ranges(prepared, lambda: [data]), "uint8", reduce_range=False
    )
    told = []
    ranking = rank_layers(
        forms,
        lambda graph: session_of(graph).run(None, data)[0],
        session_of(prepared).run(None, data)[0],
        progress=lambda done, total: told.append((done, total)),
    )
    assert ranking[0].layer == spoiled
    assert ranking[0].gain_db > 1
    assert {one.layer for one in ranking} == {"conv0", "conv1", "conv2", "conv3", "dense"}
    assert [one.gain_db for one in ranking] == sorted((o.gain_db for o in ranking), reverse=True)
    assert told[-1] == (5, 5)


def test_what_is_fp32_already_is_not_ranked(graphs):
    prepared = prepare(graphs.conv_chain(2))
    data = graphs.pictures(8)
    forms = StaticForms(
        prepared, estimate_ranges(prepared, lambda: [data]), "uint8", reduce_range=False
    )
    run = lambda graph: session_of(graph).run(None, data)[0]  # noqa: E731
    ranking = rank_layers(forms, run, run(prepared), kept=("conv0",))
    assert {one.layer for one in ranking} == {"conv1", "dense"}
    assert all(np.isfinite(one.sqnr_db) for one in ranking)
