"""A graph as SVG, its nodes coloured by what they do."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from edgecnn.runtime.graph_layout import HEIGHT, WIDTH, Placed, lay_out
from edgecnn.runtime.layer_costs import GraphCosts, LayerCost

__all__ = ["graph_svg"]

_MARGIN = 12
#: Characters that fit into a node.
_ROOM = 24

#: What `edgecnn export` puts around a network, by the beginning of its nodes' names.
_AROUND = {"edgecnn.prepare.": "preprocessing", "edgecnn.decode.": "decoding"}

_KINDS = {
    "conv": ("Conv", "FusedConv", "ConvInteger", "QLinearConv", "ConvTranspose"),
    "dense": ("Gemm", "MatMul", "MatMulInteger", "MatMulNBits", "QLinearMatMul", "QGemm", "LSTM",
              "GRU", "RNN", "DynamicQuantizeLSTM", "Attention", "Einsum"),
    "act": ("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Softmax",
            "Tanh", "Elu", "Gelu", "Mish", "LogSoftmax", "Softplus"),
    "pool": ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean",
             "ReduceMax", "ReduceSum"),
    "quant": ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast"),
    "norm": ("BatchNormalization", "InstanceNormalization", "LayerNormalization",
             "GroupNormalization", "LRN"),
}  # fmt: skip
_KIND = {operator: kind for kind, operators in _KINDS.items() for operator in operators}


def graph_svg(costs: GraphCosts, inputs: tuple[str, ...]) -> str:
    """Draw a graph.

    Parameters
    ----------
    costs : GraphCosts
        Its nodes.
    inputs : tuple of str
        Names of the graph's inputs: each is a node of its own at the top.
    """
    groups = _groups(costs)
    number = {old: new for new, group in enumerate(groups, start=1) for old in group}
    # The inputs are number 0; constants are drawn nowhere.
    number[-1] = 0
    sources: list[tuple[int, ...]] = [()]
    for new, group in enumerate(groups, start=1):
        before = {number.get(one, new) for old in group for one in costs.layers[old].inputs}
        sources.append(tuple(sorted(before - {new})))
    layout = lay_out(sources)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    parts = [f'<path class="line" d="{_path(points)}"/>' for points in layout.lines]
    parts.append(_box(layout.nodes[0], "input", ", ".join(inputs), "in"))
    for new, group in enumerate(groups, start=1):
        layer = costs.layers[group[0]]
        link = f' data-row="{group[0]}" tabindex="0"'
        title, below, kind = layer.title, _shape(layer), _KIND.get(layer.operator, "other")
        tooltip = _tooltip(layer)
        if len(group) > 1:
            title = tooltip = _AROUND[_part(layer.name)]
            below, kind = f"{len(group)} nodes: see the table", "around"
        parts.append(_box(layout.nodes[new], title, below, kind, said=(link, tooltip)))
    drawn = "".join(parts)
    return (
        f'<svg id="graph" viewBox="0 0 {width:.0f} {height:.0f}" data-width="{width:.0f}" '
        f'data-height="{height:.0f}" role="img" aria-label="the graph"><g>{drawn}</g></svg>'
    )


def _groups(costs: GraphCosts) -> list[list[int]]:
    """Return what each box stands for: a node, or all that was put around the network at once."""
    groups: dict[str | int, list[int]] = {}
    for number, layer in enumerate(costs.layers):
        if layer.operator != "Constant":
            groups.setdefault(_part(layer.name) or number, []).append(number)
    return list(groups.values())


def _part(name: str) -> str:
    return next((part for part in _AROUND if name.startswith(part)), "")


def _box(
    place: Placed, title: str, below: str, kind: str, *, said: tuple[str, str] = ("", "")
) -> str:
    """Draw a node; what is said of it are attributes that link it to its row, and a tooltip."""
    x, y = place.x + _MARGIN, place.y + _MARGIN
    link, tooltip = said
    shown = f"<title>{escape(tooltip)}</title>" if tooltip else ""
    return (
        f'<g class="node {kind}"{link}>{shown}<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" '
        f'height="{HEIGHT}" rx="7"/><text x="{x + 10:.1f}" y="{y + 19:.1f}">'
        f'{escape(_short(title))}</text><text class="small" x="{x + 10:.1f}" y="{y + 36:.1f}">'
        f"{escape(_short(below))}</text></g>"
    )


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Join points by curves that leave and arrive upright."""
    moved = [(x + _MARGIN, y + _MARGIN) for x, y in points]
    text = f"M{moved[0][0]:.1f} {moved[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(moved):
        if abs(x0 - x1) < 0.5:
            text += f"L{x1:.1f} {y1:.1f}"
        else:
            middle = (y0 + y1) / 2
            text += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return text


def _shape(layer: LayerCost) -> str:
    return "×".join(map(str, layer.shape)) if layer.shape else layer.output


def _tooltip(layer: LayerCost) -> str:
    lines = [layer.name or layer.operator, f"{layer.title} -> {layer.output}"]
    if layer.shape is not None:
        lines.append(f"{layer.type} {'×'.join(map(str, layer.shape))}")
    if layer.parameters:
        lines.append(f"{layer.parameters:,} parameters")
    if layer.macs:
        lines.append(f"{layer.macs:,} multiply-adds")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= _ROOM else text[: _ROOM - 1] + "…"
