from __future__ import annotations

from edgecnn.calibration.kept import fusion_of, kept_fp32
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges


def test_what_runs_in_8_bits_is_counted_in_the_graph_that_runs(graphs):
    """A graph full of pairs is only a wish: both of these ask for the same."""
    prepared = prepare(graphs.conv_chain(4))
    ranges = estimate_ranges(prepared, lambda start=0: [graphs.pictures()])
    whole = fusion_of(insert_qdq(prepared, ranges))
    assert (len(whole.fused), whole.kept, whole.conversions) == (5, (), 1)
    part = insert_qdq(prepared, ranges, exclude=["conv1", "conv2"])
    assert len(fusion_of(part).fused) == 3
    assert kept_fp32(part) == ("conv1", "conv2")
    assert set(fusion_of(part).fused) < {node.name for node in part.graph.node}
