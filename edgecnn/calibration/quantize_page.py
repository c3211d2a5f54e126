"""What quantizing did, as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import datetime
import shlex
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from edgecnn import __version__
from edgecnn.calibration.activation_figures import ActivationFigure, draw_histogram
from edgecnn.calibration.compare_page import (
    answers_section,
    classes_section,
    files_section,
    layers_section,
    worst_section,
)
from edgecnn.calibration.compare_report import CompareReport
from edgecnn.calibration.frontier import Point, is_timed
from edgecnn.calibration.input_figures import input_figure
from edgecnn.calibration.page_parts import remarks_section, tiles_list
from edgecnn.calibration.report import QuantizeReport
from edgecnn.data.dataset import Dataset
from edgecnn.files import write_text
from edgecnn.metadata import ModelMetadata

__all__ = ["command_of", "quantize_page", "write_quantize_page"]

_MOST_CLASSES = 20


def write_quantize_page(
    path: Path,
    report: QuantizeReport,
    compared: CompareReport,
    dataset: Dataset,
    metadata: ModelMetadata,
    *,
    activations: Sequence[ActivationFigure],
) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    report : QuantizeReport
    compared : CompareReport
        Of the FP32 file and the new one, on ``dataset``.
    dataset : Dataset
        The most changed examples are drawn from it, as the network sees them.
    metadata : ModelMetadata
    activations : sequence of ActivationFigure
        Empty where no ranges were calibrated.
    """
    figures = [input_figure(dataset, metadata.input, one.index) for one in compared.worst]
    write_text(path, quantize_page(report, compared, activations, figures))


def quantize_page(
    report: QuantizeReport,
    compared: CompareReport,
    activations: Sequence[ActivationFigure] = (),
    figures: Sequence[str] = (),
) -> str:
    """Return the page."""
    static = files("edgecnn.web").joinpath("static")
    sheets = ("report.css", "ec57.css", "compare.css", "quantize.css")
    style = "".join(static.joinpath(name).read_text("utf-8") for name in sheets)
    name = Path(report.path).name
    now = datetime.datetime.now().astimezone()
    body = [
        f"<header><h1>{escape(name)}</h1><p class='quiet'>Quantized from "
        f"{escape(Path(compared.first.path).name)}, measured on {compared.n:,} "
        f"{escape(compared.unit)} of {escape(compared.data)}, {now:%Y-%m-%d %H:%M %Z}. "
        "A is the FP32 file, B the new one.</p></header>",
        _tiles(report, compared),
        remarks_section(report.remarks),
        _settings(report),
        files_section(compared),
        answers_section(compared),
        classes_section(compared),
        _confusion(report),
        _frontier(report),
        layers_section(compared),
        _ranges(activations),
        worst_section(compared, figures),
        f"<footer><p>edgecnn {escape(__version__)}, {escape(str(report.settings['machine']))}, "
        f"{report.settings['threads']} threads</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}: quantized</title><style>{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def command_of(report: QuantizeReport) -> str:
    """Return the command that makes the same file: what was chosen is asked for.

    Examples
    --------
    ``edgecnn quantize net.onnx --calibration photos:all --method mse --leave none ...``
    """
    s = report.settings
    model, calibration = (
        str(s.get(f"{what}_named", otherwise))
        for what, otherwise in (("model", report.source), ("calibration", s["calibration"]))
    )
    parts = ["edgecnn", "quantize", model, "--calibration", calibration]
    if report.metric is not None:
        parts += ["--evaluate", str(s.get("evaluate_named", report.agreement_on))]
    parts += [
        "--form",
        str(s["form"]),
        "--samples",
        str(s["samples_asked"]),
        "--seed",
        str(s["seed"]),
    ]
    if s["form"] == "static":
        parts += ["--method", str(s["method_name"]), "--target", str(s["target"])]
        parts += ["--activations", str(s["activations"])]
        if s["method_name"] == "percentile":
            parts += ["--percentile", str(s["percentile"])]
        parts += ["--leave", ",".join(report.left_in_fp32) or "none"]
        parts.append("--bias-correction" if report.bias_corrected else "--no-bias-correction")
    elif s["block"]:
        parts += ["--bits", "4", "--block", str(s["block"])]
        if report.budget_kept_int8:
            # Which layers is found anew, by the same examples.
            parts += [
                word
                for option in ("max_drop", "min_agreement")
                if option in s
                for word in (f"--{option.replace('_', '-')}", f"{s[option]:g}")
            ]
    elif s["target"] == "cuda":
        parts += ["--target", "cuda"]
    for node in (*report.excluded, *report.budget_kept_fp32):
        parts += ["--exclude", node]
    if report.pays != "faster":
        parts.append("--allow-slower")
    return shlex.join([*parts, "-o", report.path])


def _tiles(report: QuantizeReport, compared: CompareReport) -> str:
    tiles = []
    if report.metric is not None and report.fp32 is not None and report.int8 is not None:
        tiles += [
            (f"{report.metric}, FP32", f"{report.fp32:.4f}"),
            (f"{report.metric}, after", f"{report.int8:.4f}"),
        ]
    tiles.append((compared.agreement_on, f"{report.agreement:.2%}"))
    if report.speedup is not None:
        span = (
            ""
            if report.speedup_range is None
            else " ({:.2f} to {:.2f})".format(*report.speedup_range)
        )
        tiles.append((f"speed: {report.pays}{span}", f"{report.speedup:.2f}×"))
    else:
        tiles.append(("speed", report.pays))
    size = report.size_bytes
    tiles.append(("size", f"{size['int8'] / size['fp32']:.2f}×"))
    return tiles_list(tiles)


def _settings(report: QuantizeReport) -> str:
    s = report.settings
    kept = ", ".join(report.kept_fp32)
    total = report.fused + len(report.kept_fp32)
    facts = [
        ("for", f"{s['target']}: {s['types_reason']}"),
        ("form", f"{s['form']}, activations {s['activations']}, weights {s['weights']}"),
        ("ranges", f"{s['method']}, {s['samples']} of {s['calibration']}, seed {s['seed']}"),
        ("biases", "corrected" if report.bias_corrected else "as they were"),
    ]
    noise = {k.partition(", ")[2]: v for k, v in s.items() if k.startswith("logits_sqnr_db, ")}
    if noise:
        facts.insert(
            3,
            ("methods", ", ".join(f"{name} {value} dB" for name, value in noise.items())),
        )
    if report.left_in_fp32:
        blocks = ", ".join(report.left_in_fp32)
        facts.append(("left in FP32", f"{blocks}: {s['left_because']}"))
    if report.budget_kept_fp32:
        facts.append(("back to FP32", ", ".join(report.budget_kept_fp32)))
    if report.budget_kept_int8:
        facts.append(("weights of 8 bits", ", ".join(report.budget_kept_int8)))
    if total:
        facts.append(("runs in 8 bits", f"{report.fused} of {total} convolutions and products"))
    if kept:
        facts.append(("runs in FP32", kept))
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts
    )
    return (
        f'<section><h2>How it was made</h2><dl class="facts">{rows}</dl>'
        f'<h3>The same again</h3><pre class="command">{escape(command_of(report))}</pre></section>'
    )


def _confusion(report: QuantizeReport) -> str:
    """Two matrices: what is on the diagonal is right."""
    labels = list(report.per_class)
    if not report.confusion or not 1 < len(labels) <= _MOST_CLASSES:
        return ""
    tables = "".join(
        f"<div><h3>{title}</h3>{_matrix(labels, report.confusion[key])}</div>"
        for title, key in (("FP32", "fp32"), ("after", "int8"))
    )
    return (
        f'<section><h2>Confusion</h2><div class="two">{tables}</div>'
        '<p class="quiet">Rows: what it is. Columns: what the network says.</p></section>'
    )


def _matrix(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th><span>{escape(label)}</span></th>" for label in labels)
    rows = ""
    for number, (label, counts) in enumerate(zip(labels, matrix, strict=False)):
        total = max(sum(counts), 1)
        cells = "".join(
            f'<td class="{"hit" if place == number else "miss"}" '
            f'style="--share:{count / total:.3f}">{count:,}</td>'
            for place, count in enumerate(counts)
        )
        rows += f"<tr><th>{escape(label)}</th>{cells}</tr>"
    return (
        f'<div class="scroll"><table class="matrix named"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _frontier(report: QuantizeReport) -> str:
    if not report.points:
        return ""
    rows = ""
    for point in report.points:
        lost = "–" if point.drop is None else f"{point.drop:.3g}"
        chosen = " <b>chosen</b>" if point.chosen else ""
        rows += (
            f"<tr><td>{point.text()}{chosen}</td><td>{lost}</td><td>{point.agreement:.2%}</td>"
            f"<td>{_cost(point)}</td><td>{'yes' if point.fits else 'no'}</td></tr>"
        )
    picture = ""
    if report.frontier is not None and Path(report.frontier).is_file():
        data = base64.b64encode(Path(report.frontier).read_bytes()).decode()
        picture = (
            f'<img class="frontier" alt="loss against cost" src="data:image/png;base64,{data}">'
        )
    cost = "speed" if is_timed(report.points) else "size"
    return (
        f"<section><h2>Within the budget</h2><p class='quiet'>Chosen on "
        f"{escape(report.chosen_on)}.</p>{picture}"
        '<div class="scroll"><table class="records"><thead><tr><th>form</th><th>lost</th>'
        f"<th>same</th><th>{cost}</th><th>fits</th></tr></thead><tbody>{rows}</tbody></table></div>"
        "</section>"
    )


def _cost(point: Point) -> str:
    return f"{point.size_bytes / 1e6:.2f} MB" if point.speedup is None else f"{point.speedup:.2f}×"


def _ranges(activations: Sequence[ActivationFigure]) -> str:
    if not activations:
        return ""
    cards = "".join(
        f"<figure class='activation'>{draw_histogram(one)}<figcaption><b>{escape(one.tensor)}</b>"
        f"<br>{one.chosen.low:.4g} to {one.chosen.high:.4g}<br><span class='quiet'>seen "
        f"{one.seen.low:.4g} to {one.seen.high:.4g}; {one.clipped:.3%} clipped</span>"
        "</figcaption></figure>"
        for one in activations
    )
    return (
        f'<section><h2>Activations and their ranges</h2><div class="activations">{cards}</div>'
        '<p class="quiet">How often which values occur in the calibration set (heights by their '
        "logarithm); lines: the range that 256 steps stand for. What is outside is clipped.</p>"
        "</section>"
    )
