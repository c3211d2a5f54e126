"""An evaluation as one HTML page that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from edgecnn import __version__
from edgecnn.ecg.ec57.beats import NAMES, VF_RULES
from edgecnn.ecg.ec57.beside import BESIDE_SHORT, SideBySide
from edgecnn.ecg.ec57.columns import label_of
from edgecnn.ecg.ec57.comparison import ECTOPIC
from edgecnn.ecg.ec57.evaluate import Evaluation
from edgecnn.ecg.ec57.runs import LONGEST, RUN_KINDS
from edgecnn.ecg.ec57.statistics import Statistic
from edgecnn.ecg.ec57.tables import LineTable, line_tables, sum_matrices
from edgecnn.ecg.ec57.text import unmarked_text
from edgecnn.ecg.report import DISCLAIMER
from edgecnn.ecg.report_figures import class_style

__all__ = ["html_page"]

_TILES = {
    "qrs_sensitivity": ("QRS Se", ""),
    "qrs_positive_predictivity": ("QRS +P", ""),
    "veb_sensitivity": ("V Se", "c-V"),
    "veb_positive_predictivity": ("V +P", "c-V"),
    "sveb_sensitivity": ("S Se", "c-S"),
    "sveb_positive_predictivity": ("S +P", "c-S"),
}
_VF = dict(
    zip(
        VF_RULES,
        (
            "Beats within the reference's ventricular flutter or fibrillation are left out.",
            "Beats within ventricular flutter or fibrillation of either annotator are left out.",
            "Each annotator's beats within its own ventricular flutter or fibrillation are left "
            "out.",
        ),
        strict=True,
    )
)


def html_page(evaluation: Evaluation, beside: SideBySide | None = None) -> str:
    """Return the page: statistics with intervals, matrices, a line per record, how it was counted.

    Parameters
    ----------
    evaluation : Evaluation
    beside : SideBySide, optional
        This and another one.
    """
    static = files("edgecnn.web").joinpath("static")
    style = "".join(static.joinpath(name).read_text("utf-8") for name in ("report.css", "ec57.css"))
    title = f"{evaluation.test} judged by {evaluation.reference}"
    body = [
        _head(evaluation, title),
        f'<p class="disclaimer" role="note">{DISCLAIMER}</p>',
        _tiles(evaluation),
        _problems(evaluation),
    ]
    if beside is not None:
        body.append(_beside(beside))
    if evaluation.records:
        body += [
            _statistics(evaluation),
            _matrices(evaluation),
            *(_lines(table) for table in line_tables(evaluation) if not table.is_empty),
        ]
    body += [_rules(evaluation), f"<footer><p>{DISCLAIMER}</p></footer>"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>EC57: {escape(title)}</title><style>{style}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _head(evaluation: Evaluation, title: str) -> str:
    now = datetime.datetime.now().astimezone()
    count = len(evaluation.records)
    noun = "record" if count == 1 else "records"
    return (
        f"<header><h1>EC57 evaluation: {escape(title)}</h1>"
        f'<p class="quiet">{count:,} {noun}, {now:%Y-%m-%d %H:%M %Z}, edgecnn '
        f"{escape(__version__)}, class map {evaluation.protocol.class_map}</p></header>"
    )


def _tiles(evaluation: Evaluation) -> str:
    matrix = sum_matrices(evaluation)
    hours = sum(record.comparison.duration_s for record in evaluation.records) / 3600
    tiles = [
        ("records", f"{len(evaluation.records):,}", ""),
        ("compared", f"{hours:.1f}&nbsp;h", ""),
        ("beats", f"{matrix[: len(NAMES) - 2].sum():,}", ""),
    ]
    for name, (label, style) in _TILES.items():
        if name in evaluation.statistics:
            tiles.append((label, _percent(evaluation.statistics[name].gross, 1), style))
    if evaluation.problems:
        tiles.append(("not compared", f"{len(evaluation.problems):,}", "bad"))
    shown = "".join(
        f'<div class="{style}"><dt>{label}</dt><dd>{value}</dd></div>'
        for label, value, style in tiles
    )
    return f'<dl class="tiles few">{shown}</dl>'


def _problems(evaluation: Evaluation) -> str:
    if not evaluation.problems:
        return ""
    rows = "".join(
        f"<li>{escape(problem.path)}: {escape(problem.reason)}"
        + (
            f'<br><span class="quiet">{escape(problem.error.hint)}</span>'
            if problem.error.hint
            else ""
        )
        + "</li>"
        for problem in evaluation.problems
    )
    return f'<section class="bad"><h2>Not compared</h2><ul>{rows}</ul></section>'


def _statistics(evaluation: Evaluation) -> str:
    rows, last = [], ""
    for name, one in evaluation.statistics.items():
        if not one.records:
            continue
        group = _group(name)
        if group != last:
            rows.append(f'<tr class="group"><th colspan="6">{group}</th></tr>')
            last = group
        interval = ""
        if one.interval_95 is not None:
            interval = "–".join(_percent(bound, 1) for bound in one.interval_95)
        rows.append(
            f'<tr><td>{escape(label_of(name))}</td><td class="bar">{_bar(one)}</td>'
            f"<td><b>{_percent(one.gross, 2)}</b></td><td>{interval}</td>"
            f'<td class="average">{_percent(one.average, 2)}</td>'
            f'<td class="counts">{_count(one.part)}/{_count(one.whole)}</td></tr>'
        )
    unmarked = escape(unmarked_text(evaluation)) if evaluation.unmarked else ""
    return (
        '<section><h2>Over all records</h2><table class="share"><thead><tr><th></th>'
        '<th class="bar"></th><th>gross&nbsp;%</th><th>95&nbsp;%</th>'
        '<th class="average">average</th><th class="counts">counts</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
        '<p class="quiet">Gross: all counts together. Average: of the records that have a value. '
        f"Interval: by drawing whole records anew. {unmarked}</p></section>"
    )


def _beside(both: SideBySide) -> str:
    if not both.rows:
        return "<section><h2>Side by side</h2><p>No record that both have.</p></section>"
    rows = "".join(
        f'<tr><td class="{class_style(row.name)}">{row.name} {BESIDE_SHORT[row.statistic]}</td>'
        f"<td>{row.beats:,}</td><td>{_percent(row.first, 2)}</td><td>{_percent(row.second, 2)}</td>"
        f"<td><b>{_signed(row.difference)}</b></td><td>"
        + ("" if row.interval_95 is None else " to ".join(map(_signed, row.interval_95)))
        + "</td></tr>"
        for row in both.rows
    )
    return (
        f'<section><h2>Side by side</h2><dl class="facts"><div><dt>first</dt><dd>'
        f"{escape(both.names[0])}</dd></div><div><dt>second</dt><dd>{escape(both.names[1])}</dd>"
        '</div></dl><div class="scroll wide"><table class="measured"><thead><tr><th>class</th>'
        "<th>beats</th><th>first&nbsp;%</th><th>second&nbsp;%</th><th>change</th><th>95&nbsp;%</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="quiet">Gross, over the {len(both.first.records):,} records that both have. '
        "Interval of the change: the same records drawn anew for both. Here +P is of all beats of "
        "the test that are called so, without the standard's exceptions.</p></section>"
    )


def _signed(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.2f}"


def _group(name: str) -> str:
    if "_duration_" in name or "_episode_" in name:
        return "Episode by episode"
    return "Run by run" if "_run_" in name or "_couplet_" in name else "Beat by beat"


def _bar(one: Statistic) -> str:
    if one.gross is None:
        return ""
    interval = ""
    if one.interval_95 is not None:
        low, high = (100 * bound for bound in one.interval_95)
        interval = (
            f'<path class="interval" d="M{low:.2f} 9H{high:.2f}M{low:.2f} 4v10M{high:.2f} 4v10"/>'
        )
    return (
        '<svg viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" y="5" width="100" height="8"/>'
        f'<rect class="value" y="5" width="{100 * one.gross:.2f}" height="8"/>{interval}</svg>'
    )


def _matrices(evaluation: Evaluation) -> str:
    labels = [name.lower() for name in NAMES]
    same = np.eye(len(NAMES), dtype=bool)
    beats = _matrix(sum_matrices(evaluation), (NAMES, labels), same, along=1)
    parts = [
        "<section><h2>Beats of all records</h2>"
        '<p class="quiet">Rows: reference. Columns: test. O: no beat there; X: given up there '
        f"(unreadable, shut down).</p>{beats}</section>"
    ]
    lengths = [str(length) for length in range(LONGEST)] + [f"&gt;{LONGEST - 1}"]
    # What the statistics count as found: a run of the kind's shortest length, or longer.
    shortest = np.array(
        [1, 1, *(low for low, high in RUN_KINDS.values() for _ in range(low, high + 1))]
    )
    is_found = np.arange(LONGEST + 1) >= shortest[:, None]
    for subject in ECTOPIC:
        runs = [record.comparison.runs[subject] for record in evaluation.records]
        found = np.sum([one.sensitivity for one in runs], axis=0)
        right = np.sum([one.predictivity for one in runs], axis=0)
        parts.append(
            f"<section><h2>Runs of all records: {subject.upper()}</h2>"
            '<p class="quiet">Lengths in beats. Rows: reference. Columns: test.</p>'
            '<div class="two"><div><h3>For sensitivity: each run of the reference</h3>'
            f"{_matrix(found, (lengths, lengths), is_found, along=1)}</div>"
            "<div><h3>For +P: each run of the test</h3>"
            f"{_matrix(right, (lengths, lengths), is_found.T, along=0)}</div></div></section>"
        )
    return "\n".join(parts)


def _matrix(
    matrix: NDArray[np.int64],
    names: tuple[Sequence[str], Sequence[str]],
    is_hit: NDArray[np.bool_],
    *,
    along: int,
) -> str:
    """Draw a matrix, its cells shaded by their share of the row (``along`` 1) or column (0)."""
    rows, columns = names
    head = "".join(f'<th class="{class_style(name.upper())}">{name}</th>' for name in columns)
    shares = np.sqrt(matrix / np.maximum(matrix.sum(axis=along, keepdims=True), 1))
    body = "".join(
        f'<tr><th class="{class_style(name)}">{name}</th>'
        + "".join(
            f'<td class="{"hit" if is_hit[i, j] else "miss"}" style="--share:{shares[i, j]:.2f}">'
            f"{value:,}</td>"
            if value
            else '<td class="none">0</td>'
            for j, value in enumerate(matrix[i].tolist())
        )
        + "</tr>"
        for i, name in enumerate(rows)
    )
    return (
        f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _lines(table: LineTable) -> str:
    """Draw a table, statistics in front: counts may need to be scrolled to."""
    first = table.records[0]
    head = "".join(f"<th>{escape(name)}</th>" for name in (*first.shares, *first.counts))

    def line(name: str, shares: Iterable[float | None], counts: Iterable[str]) -> str:
        cells = _cells(_percent(share, 2) for share in shares)
        return f"<tr><td>{escape(name)}</td>{cells}{_cells(counts)}</tr>"

    rows = "".join(
        line(row.name, row.shares.values(), map(_count, row.counts.values()))
        for row in table.records
    )
    blank = [""] * len(first.counts)
    foot = line("All", table.total.shares.values(), map(_count, table.total.counts.values()))
    foot += line("Average", table.average.values(), blank)
    return (
        f'<section><h2>{escape(table.title)}</h2><p class="swipe">Swipe the table.</p>'
        '<div class="scroll wide"><table class="records"><thead><tr>'
        f"<th>record</th>{head}</tr></thead><tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>"
        "</div></section>"
    )


def _cells(texts: Iterable[str]) -> str:
    return "".join(
        f'<td class="none">{text}</td>' if text in ("0", "–") else f"<td>{text}</td>"
        for text in texts
    )


def _rules(evaluation: Evaluation) -> str:
    protocol = evaluation.protocol
    until = "the record's end" if protocol.end_s is None else f"{protocol.end_s:g} s"
    rules = [
        f"Compared from {protocol.start_s:g} s to {until}.",
        f"Beats pair up, nearest first, where they are at most {1000 * protocol.window_s:g} ms "
        "apart.",
        _VF[protocol.vf],
        "A fusion or unclassifiable beat taken for V counts neither for nor against V; so does an "
        "unclassifiable one taken for S.",
        "A couplet is found by a run of two or more, a short run (3 to 5) by three or more, a long "
        "run by six or more.",
        "Episodes count as found with any overlap; durations count what overlaps.",
    ]
    if (protocol.start_s, protocol.end_s, protocol.window_s) != (300.0, None, 0.150):
        rules.append("<b>Period or match window are not the standard's.</b>")
    items = "".join(f"<li>{rule}</li>" for rule in rules)
    return (
        f'<section><h2>How it was counted (ANSI/AAMI EC57)</h2><ul class="rules">{items}</ul>'
        "</section>"
    )


def _percent(share: float | None, digits: int) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value % 1 == 0 else f"{value:,.1f}"
