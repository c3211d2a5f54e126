from __future__ import annotations

from edgecnn.calibration.blocks import slow_blocks
from edgecnn.calibration.prepare import prepare


def test_blocks_of_a_mobile_network(graphs):
    blocks = slow_blocks(prepare(graphs.mobile_net()))
    assert set(blocks["first convolution"]) == {"stem", "stem_gate", "stem_mul"}
    assert blocks["depthwise convolutions"] == ("depthwise",)
    assert {"squeeze", "reduce", "excite", "excite_gate"} <= set(blocks["squeeze-and-excitation"])
    # The last mean scales nothing.
    assert "pool" not in blocks["squeeze-and-excitation"]
    assert {"stem_mul", "expand_mul", "scale"} <= set(blocks["gates"])


def test_a_plain_chain_has_only_its_first(graphs):
    assert slow_blocks(prepare(graphs.conv_chain())) == {"first convolution": ("conv0",)}
