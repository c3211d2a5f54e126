"""A graph as SVG."""

from __future__ import annotations

import re

from edgecnn.runtime.graph_svg import graph_svg
from edgecnn.runtime.layer_costs import GraphCosts, LayerCost


def layer(operator: str, name: str, inputs: tuple[int, ...]) -> LayerCost:
    return LayerCost(
        name=name,
        operator=operator,
        title=operator,
        output=f"{name}.out",
        type="float",
        shape=(1, 2),
        parameters=0,
        macs=0,
        bytes=8,
        inputs=inputs,
    )


def drawn(*layers: LayerCost) -> tuple[list[str], int]:
    """Return the boxes' first lines, and the number of lines between them."""
    svg = graph_svg(GraphCosts(layers, 0, 0, 0, 0, ""), ("x",))
    return re.findall(r'<text x=[^>]*>([^<]*)</text><text class="small"', svg), svg.count("<path")


def test_a_box_for_each_node_and_a_line_for_each_reading() -> None:
    titles, lines = drawn(
        layer("Relu", "a", (-1,)), layer("Constant", "c", ()), layer("Add", "b", (0, 1, -1))
    )
    assert titles == ["input", "Relu", "Add"]
    assert lines == 3


def test_what_was_put_around_a_network_is_one_box_each() -> None:
    titles, lines = drawn(
        layer("Shape", "edgecnn.prepare.1", (-1,)),
        layer("Cast", "edgecnn.prepare.2", (0, -1)),
        layer("Conv", "conv", (1,)),
        layer("TopK", "edgecnn.decode.1", (2,)),
        layer("Gather", "edgecnn.decode.2", (3, -1)),
    )
    assert titles == ["input", "preprocessing", "Conv", "decoding"]
    # From the frame to both, and through the network.
    assert lines == 4


def test_texts_are_escaped() -> None:
    assert "<b>" not in graph_svg(
        GraphCosts((layer("<b>", "<b>", (-1,)),), 0, 0, 0, 0, ""), ("<b>",)
    )
