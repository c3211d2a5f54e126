"""A comparison of two files as one HTML page that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from edgecnn import __version__
from edgecnn.calibration.compare_report import CompareReport
from edgecnn.calibration.input_figures import input_figure
from edgecnn.calibration.page_parts import remarks_section, tiles_list
from edgecnn.calibration.sqnr import LayerNoise
from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.files import write_text
from edgecnn.metadata import ModelMetadata

__all__ = [
    "answers_section",
    "classes_section",
    "compare_page",
    "files_section",
    "layers_section",
    "worst_section",
    "write_page",
]

#: The end of the bars: what is as clean as this is drawn full.
_FULL_DB = 50.0
_MOST_CLASSES = 200


def write_page(
    path: Path, report: CompareReport, dataset: Dataset, metadata: ModelMetadata
) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    dataset : Dataset
        What was compared on: the most changed examples are drawn from it.
    metadata : ModelMetadata
        Of the first file: it says what a network sees of them.
    """
    figures = [input_figure(dataset, metadata.input, one.index) for one in report.worst]
    write_text(path, compare_page(report, figures))


def compare_page(report: CompareReport, figures: Sequence[str] = ()) -> str:
    """Return the page.

    Parameters
    ----------
    report : CompareReport
    figures : sequence of str
        HTML for each of the report's most changed examples.
    """
    static = files("edgecnn.web").joinpath("static")
    sheets = ("report.css", "ec57.css", "compare.css")
    style = "".join(static.joinpath(name).read_text("utf-8") for name in sheets)
    names = " and ".join(dict.fromkeys(Path(f.path).name for f in (report.first, report.second)))
    body = [
        _head(report, names),
        _tiles(report),
        remarks_section(report.remarks),
        files_section(report),
        answers_section(report),
        classes_section(report),
        layers_section(report),
        worst_section(report, figures),
        f"<footer><p>edgecnn {escape(__version__)}, {escape(str(report.settings['machine']))}, "
        f"{report.settings['threads']} threads, seed {report.settings['seed']}</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(names)} compared</title><style>{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def _head(report: CompareReport, names: str) -> str:
    now = datetime.datetime.now().astimezone()
    note = f" ({escape(report.note)})" if report.note else ""
    return (
        f"<header><h1>{escape(names)}</h1>"
        f'<p class="quiet">Compared on {report.n:,} {escape(report.unit)} of '
        f"{escape(report.data)}{note}, {now:%Y-%m-%d %H:%M %Z}. A is the first file, B the second."
        "</p></header>"
    )


def _tiles(report: CompareReport) -> str:
    tiles = [(report.agreement_on, f"{report.agreement:.2%}")]
    if report.value is not None and report.metric is not None:
        tiles += [
            (f"{report.metric}, A", f"{report.value.first:.4f}"),
            (f"{report.metric}, B", f"{report.value.second:.4f}"),
        ]
    if report.difference is not None:
        tiles.append(("B against A", _change(report, report.difference)))
    if report.speedup is not None:
        tiles.append(("speed of B", f"{report.speedup:.2f}×"))
    sizes = report.first.size_bytes, report.second.size_bytes
    tiles.append(("size of B", f"{sizes[1] / sizes[0]:.2f}×"))
    return tiles_list(tiles)


def files_section(report: CompareReport) -> str:
    """Tabulate both files: kind, size, latency."""
    rows = [
        ("file", report.first.path, report.second.path),
        ("numbers", report.first.kind, report.second.kind),
        ("runs on", report.first.provider, report.second.provider),
        ("size", *(f"{f.size_bytes / 1e3:,.1f} kB" for f in (report.first, report.second))),
        ("SHA-256", report.first.sha256[:16] + "…", report.second.sha256[:16] + "…"),
    ]
    for name, pair in (("median", report.latency_ms), ("95 %", report.latency_p95_ms)):
        if pair is not None:
            rows.append((f"latency, {name}", f"{pair.first:.3f} ms", f"{pair.second:.3f} ms"))
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(one)}</td><td>{escape(other)}</td></tr>"
        for name, one, other in rows
    )
    return (
        '<section><h2>The files</h2><table class="files"><thead><tr><th></th><th>A</th><th>B</th>'
        f"</tr></thead><tbody>{body}</tbody></table></section>"
    )


def answers_section(report: CompareReport) -> str:
    """Say how the answers differ, with interval and test."""
    lines = []
    agreed = f"{_capital(report.agreement_on)} in {report.agreement:.2%}"
    if report.agreement_interval_95 is not None:
        low, high = report.agreement_interval_95
        agreed += f" (95&nbsp;%: {low:.2%} to {high:.2%})"
    lines.append(agreed + ".")
    if report.difference is not None and report.difference_interval_95 is not None:
        bounds = [_change(report, bound) for bound in report.difference_interval_95]
        lines.append(
            f"{_capital(str(report.metric))} of B against A: "
            f"<b>{_change(report, report.difference)}</b> (95&nbsp;%: {bounds[0]} to {bounds[1]}; "
            f"{escape(report.interval_method)})."
        )
    if report.test is not None:
        lines.append(
            f"Only A is right {report.test.only_first:,} times, only B "
            f"{report.test.only_second:,} times: p&nbsp;=&nbsp;{report.test.p_value:.3g} "
            f"({escape(report.test.method)})."
        )
    if report.outputs is not None:
        unit = "grey levels" if report.task == "image-to-image" else "logits"
        sqnr = "" if report.outputs.sqnr_db is None else f", SQNR {report.outputs.sqnr_db:.1f} dB"
        lines.append(
            f"{_capital(unit)} differ by {report.outputs.mean_abs:.3g} on average, "
            f"{report.outputs.max_abs:.3g} at most{sqnr}."
        )
    if report.flips:
        flips = ", ".join(f"{escape(one)} → {escape(other)} {n}×" for one, other, n in report.flips)
        lines.append(f"Answers that changed: {flips}.")
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<section><h2>Answers</h2><ul class="rules">{items}</ul></section>'


def classes_section(report: CompareReport) -> str:
    """Tabulate sensitivity and positive predictivity by class."""
    if not report.per_class:
        return ""
    shown = {
        label: one
        for label, one in report.per_class.items()
        if one.first.n or one.change is not None
    }
    ordered = sorted(shown.items(), key=lambda item: item[1].change or 0.0)
    rows = "".join(
        f"<tr><td>{escape(label)}</td>"
        f"<td><b>{'–' if one.change is None else f'{100 * one.change:+.2f}'}</b></td>"
        f"<td>{one.first.n:,}</td>"
        f"<td>{_percent(one.first.sensitivity)}</td><td>{_percent(one.second.sensitivity)}</td>"
        f"<td>{_percent(one.first.positive_predictivity)}</td>"
        f"<td>{_percent(one.second.positive_predictivity)}</td></tr>"
        for label, one in ordered[:_MOST_CLASSES]
    )
    detector = any(one.first.average_precision is not None for one in shown.values())
    score = "AP" if detector else "F1"
    return (
        '<section><h2>By class, what lost most first</h2><p class="swipe">Swipe the table.</p>'
        '<div class="scroll wide"><table class="records"><thead><tr><th>class</th>'
        f"<th>{score}, points</th><th>n</th><th>Se&nbsp;A</th><th>Se&nbsp;B</th><th>+P&nbsp;A</th>"
        f"<th>+P&nbsp;B</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def layers_section(report: CompareReport) -> str:
    """Draw the noise of every layer."""
    if not report.layers:
        return ""
    rows = "".join(_layer(number, one) for number, one in enumerate(report.layers, start=1))
    return (
        '<section><h2>Noise by layer</h2><table class="share layers"><thead><tr><th>layer</th>'
        '<th class="bar"></th><th>SQNR&nbsp;dB</th><th class="counts">most</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f'<p class="quiet">On {report.layers_n} examples: power of what the layer gives in FP32 '
        "over power of the difference, with what comes from the layers before. 6 dB is one bit; "
        f"bars end at {_FULL_DB:.0f} dB. Most: the largest difference of a value.</p></section>"
    )


def _layer(number: int, one: LayerNoise) -> str:
    if one.sqnr_db is None:
        share, value = (0.0, "not finite") if one.not_finite else (1.0, "equal")
    else:
        share, value = min(max(one.sqnr_db / _FULL_DB, 0.0), 1.0), f"{one.sqnr_db:.1f}"
    style = "value" if share >= 0.4 else "value low" if share < 0.2 else "value fair"
    return (
        f"<tr><td>{number}. {escape(one.title)}<br><span class='quiet'>{escape(one.tensor)}</span>"
        '</td><td class="bar"><svg viewBox="0 0 100 18" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect class="rail" y="5" width="100" height="8"/>'
        f'<rect class="{style}" y="5" width="{100 * share:.2f}" height="8"/></svg></td>'
        f'<td><b>{value}</b></td><td class="counts">{one.max_abs:.3g}</td></tr>'
    )


def worst_section(report: CompareReport, figures: Sequence[str]) -> str:
    """Show the most changed examples."""
    if not report.worst or not figures:
        return ""
    cards = []
    for one, figure in zip(report.worst, figures, strict=True):
        truth = "" if one.label is None else f"<br>is {escape(one.label)}"
        group = "" if one.group is None else f" (record {escape(one.group)})"
        answers = f"A {escape(one.first)}<br>" if one.first else ""
        cards.append(
            f'<figure class="changed">{figure}<figcaption>{answers}B {escape(one.second)}{truth}'
            f"<br>no. {one.index:,}{group}</figcaption></figure>"
        )
    return f'<section><h2>Most changed</h2><div class="changes">{"".join(cards)}</div></section>'


def _change(report: CompareReport, value: float) -> str:
    if report.metric == NATS_PER_CHARACTER:
        return f"{value:+.4f} nats"
    return f"{100 * value:+.2f} points"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"


def _capital(text: str) -> str:
    return escape(text[:1].upper() + text[1:])
