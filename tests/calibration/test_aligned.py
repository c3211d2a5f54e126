from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration import qdq
from edgecnn.calibration.kept import fusion_of
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import session_of
from edgecnn.calibration.target import has_vnni


def _quantized(graphs, monkeypatch, *, aligned, activations="uint8"):
    with monkeypatch.context() as patch:
        if not aligned:
            patch.setattr(qdq, "align_channels", lambda model: ())
        prepared = prepare(graphs.conv_chain(2))
        ranges = estimate_ranges(prepared, lambda start=0: [graphs.pictures()])
        # Without VNNI pairs of products overflow 16 bits, and other pairs do so otherwise.
        return insert_qdq(prepared, ranges, activations=activations, reduce_range=not has_vnni())


def _first_channels(model) -> int:
    sizes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    made = next(node for node in model.graph.node if first.input[1] in node.output)
    return sizes[made.input[0]][1]


def test_a_fourth_channel_changes_no_bit(graphs, monkeypatch):
    plain = _quantized(graphs, monkeypatch, aligned=False)
    wider = _quantized(graphs, monkeypatch, aligned=True)
    assert (_first_channels(plain), _first_channels(wider)) == (3, 4)
    pictures = graphs.pictures(24)
    answers = [session_of(one).run(["logits"], pictures)[0] for one in (plain, wider)]
    np.testing.assert_array_equal(*answers)
    assert np.ptp(answers[0]) > 0
    # Nothing of it costs a kernel.
    assert fusion_of(wider) == fusion_of(plain)


@pytest.mark.parametrize("activations", ["int8"])
def test_where_it_is_not_known_to_pay_it_is_not_done(graphs, monkeypatch, activations):
    """VNNI is what it is for; ARM's kernels are others."""
    model = _quantized(graphs, monkeypatch, aligned=True, activations=activations)
    assert _first_channels(model) == 3
