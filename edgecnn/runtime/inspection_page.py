"""A model file as one HTML page that needs nothing else: card, costs, and the graph drawn."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from edgecnn import __version__
from edgecnn.files import write_text
from edgecnn.runtime.card import model_card, size_text
from edgecnn.runtime.graph_svg import graph_svg
from edgecnn.runtime.inspection import Inspection
from edgecnn.runtime.layer_costs import GraphCosts, LayerCost

__all__ = ["inspection_page", "write_inspection_page"]


def write_inspection_page(path: Path, inspection: Inspection) -> None:
    """Write the page, whole or not at all."""
    write_text(path, inspection_page(inspection))


def inspection_page(inspection: Inspection) -> str:
    """Return the page."""
    static = files("edgecnn.web").joinpath("static")
    style = "".join(static.joinpath(n).read_text("utf-8") for n in ("report.css", "inspect.css"))
    script = static.joinpath("inspect.js").read_text("utf-8")
    name = Path(inspection.path).name
    costs = inspection.costs
    body = [
        f"<header><h1>{escape(name)}</h1>{_subtitle(inspection)}</header>",
        _tiles(inspection),
        _remarks(inspection),
        _graph(costs, tuple(t.name for t in inspection.graph.inputs)),
        _operators(costs),
        _card(inspection),
        _layers(costs),
        f"<footer><p>edgecnn {escape(__version__)}; SHA-256 {inspection.sha256[:16]}…</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}</title><style>{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + f"\n<script>{script}</script>\n</body></html>\n"
    )


def _subtitle(inspection: Inspection) -> str:
    if inspection.metadata is None:
        return ""
    text = f"{inspection.metadata.name}, {inspection.metadata.task}"
    return f'<p class="quiet">{escape(text)}</p>'


def _tiles(inspection: Inspection) -> str:
    costs, graph, oldest = inspection.costs, inspection.graph, inspection.oldest_runtime
    opset = graph.opset.get("", graph.opset.get("ai.onnx", 0))
    tiles = [
        ("parameters", f"{costs.parameters:,}"),
        ("multiply-adds", "?" if costs.macs is None else count_text(costs.macs)),
        ("activation peak", "?" if costs.peak_bytes is None else size_text(costs.peak_bytes)),
        ("file", size_text(inspection.size_bytes)),
        ("nodes", f"{len(costs.layers):,}"),
        ("opset, IR", f"{opset}, {graph.ir_version}"),
        ("ONNX Runtime", f"≥ {oldest}" if oldest else "newest"),
    ]
    shown = "".join(f"<div><dt>{escape(t)}</dt><dd>{escape(v)}</dd></div>" for t, v in tiles)
    return f'<dl class="tiles inspect">{shown}</dl>'


def _remarks(inspection: Inspection) -> str:
    if not inspection.remarks:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in inspection.remarks)
    return f'<section class="bad"><h2>Remarks</h2><ul>{items}</ul></section>'


def _graph(costs: GraphCosts, inputs: tuple[str, ...]) -> str:
    buttons = "".join(
        f'<button type="button" data-does="{does}" aria-label="{label}">{text}</button>'
        for does, label, text in (
            ("in", "zoom in", "+"),
            ("out", "zoom out", "−"),
            ("top", "from the top", "top"),
            ("all", "the whole graph", "all"),
        )
    )
    return (
        f'<section><h2>Graph</h2><div class="tools">{buttons}<span class="quiet">Drag to move, '
        "wheel or two fingers to zoom; click a node for its facts, twice for its row.</span></div>"
        f'<div class="view">{graph_svg(costs, inputs)}</div></section>'
    )


def _operators(costs: GraphCosts) -> str:
    rows: dict[str, list[int]] = {}
    for layer in costs.layers:
        row = rows.setdefault(layer.operator, [0, 0, 0])
        row[0] += 1
        row[1] += layer.parameters
        row[2] += layer.macs or 0
    most = max((row[2] for row in rows.values()), default=0) or 1
    body = "".join(
        f"<tr><td>{escape(operator)}</td><td>{n:,}</td><td>{parameters:,}</td>"
        f'<td>{count_text(macs)}</td><td class="bar"><svg viewBox="0 0 100 14" '
        f'preserveAspectRatio="none" aria-hidden="true"><rect class="rail" y="4" width="100" '
        f'height="6"/><rect class="value" y="4" width="{100 * macs / most:.2f}" height="6"/></svg>'
        "</td></tr>"
        for operator, (n, parameters, macs) in sorted(
            rows.items(), key=lambda item: (-item[1][2], -item[1][1], -item[1][0])
        )
    )
    return (
        '<section><h2>By operator</h2><table class="operators"><thead><tr><th>operator</th>'
        '<th>nodes</th><th>parameters</th><th>MACs</th><th class="bar"></th></tr></thead>'
        f"<tbody>{body}</tbody></table></section>"
    )


def _card(inspection: Inspection) -> str:
    rows = [(title, text) for title, text in model_card(inspection) if title != "remark"]
    items = "".join(f"<div><dt>{escape(t)}</dt><dd>{escape(x)}</dd></div>" for t, x in rows)
    return f'<section><h2>The file</h2><dl class="card facts">{items}</dl></section>'


def _layers(costs: GraphCosts) -> str:
    body = "".join(_layer(number, layer) for number, layer in enumerate(costs.layers))
    return (
        '<section><h2>Node by node</h2><p class="swipe">Swipe the table.</p>'
        '<div class="scroll wide"><table class="records nodes"><thead><tr><th>operator</th>'
        '<th class="text">name</th><th>output</th><th>parameters</th><th>MACs</th><th>bytes</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
        '<p class="quiet">Shapes with a batch of 1. MACs: multiply-adds; biases, activations and '
        "normalisations are not counted.</p></section>"
    )


def _layer(number: int, layer: LayerCost) -> str:
    shape = "?" if layer.shape is None else "×".join(map(str, layer.shape)) or "one"
    macs = "?" if layer.macs is None else f"{layer.macs:,}" if layer.macs else ""
    return (
        f'<tr id="row-{number}"><td>{escape(layer.title)}</td><td class="text">'
        f"{escape(layer.name)}</td><td>{shape}</td>"
        f"<td>{f'{layer.parameters:,}' if layer.parameters else ''}</td><td>{macs}</td>"
        f"<td>{f'{layer.bytes:,}' if layer.bytes else ''}</td></tr>"
    )


def count_text(count: int) -> str:
    """Say a large number in a few digits.

    Examples
    --------
    >>> count_text(4_089_184_256), count_text(416_520), count_text(0)
    ('4.09 G', '417 k', '0')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
