"""The report of a scoring run: one HTML file that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from edgecnn import __version__
from edgecnn.ecg.leads import lead_label
from edgecnn.ecg.parts import Part, RecordScore
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.record_page import record_figures
from edgecnn.ecg.report_figures import class_style
from edgecnn.ecg.report_layout import (
    DISCLAIMER,
    duration,
    model_section,
    page_foot,
    page_head,
    rhythm_section,
    tiles,
)
from edgecnn.ecg.rhythm_figures import said_of_rhythm
from edgecnn.ecg.scored_record import UNCLASSIFIED
from edgecnn.ecg.tables import table_names
from edgecnn.runtime.session import Model

__all__ = ["DISCLAIMER", "write_report"]

#: A page that a browser still opens at once: rows of the table, and records with figures.
_MOST_ROWS = 1000
_MOST_FIGURES = 100
#: Tables that there are without a rhythm.
_FIRST_TABLES = 3
#: With so few records, their figures are open from the start.
_FEW = 3
#: So many problems are told above the results, the others behind a line to open.
_FEW_PROBLEMS = 8


def write_report(
    path: Path,
    model: Model,
    records: Sequence[RecordScore],
    problems: Sequence[Problem],
    part: Callable[[int], Part],
    *,
    rhythm: Model | None = None,
    labels: Sequence[str] | None = None,
    tables: str = "csv",
) -> None:
    """Write the report.

    Parameters
    ----------
    path : Path
    model : Model
        What classified the beats: its name and measured accuracy are stated.
    records : sequence of RecordScore
    problems : sequence of Problem
    part : callable
        Gives the part of a record by its place; asked for one after the other.
    rhythm : Model, optional
        What named the rhythm.
    labels : sequence of str, optional
        The classes, if they are not the model's own labels.
    tables : str
        Format of the tables that lie beside it.
    """
    shown = _most_ectopic(records)
    classes = dict.fromkeys((*(labels or model.metadata.labels), UNCLASSIFIED))
    used = [name for name in classes if name != UNCLASSIFIED or _total(records, name)]
    title = f"ECG report: {_count(len(records), 'record')}"
    names = table_names(tables, rhythm=rhythm is not None)
    with path.open("w", encoding="utf-8") as page:
        page.write(
            f"{page_head(title, _head(model, records))}"
            f"{_tiles(records, problems, used)}\n{_problems(problems, names[2])}\n"
        )
        page.write(_table(records, used, names))
        if shown:
            page.write("<section><h2>Rhythm and ectopic beats</h2>\n")
            if len(shown) < len(records):
                page.write(
                    f"<p class='quiet'>The {len(shown)} records with most ectopic beats.</p>\n"
                )
            for number in shown:
                page.write(_figures(part(number), number, is_open=len(shown) <= _FEW))
            page.write("</section>\n")
        page.write(f"{model_section(model, used)}\n")
        if rhythm is not None:
            page.write(rhythm_section(rhythm))
        page.write(page_foot())


def _head(model: Model, records: Sequence[RecordScore]) -> str:
    now = datetime.datetime.now().astimezone()
    title = records[0].record if len(records) == 1 else _count(len(records), "record")
    return (
        f"<header><h1>ECG report: {escape(title)}</h1>"
        f'<p class="quiet">{now:%Y-%m-%d %H:%M %Z}, edgecnn {escape(__version__)}, model '
        f"{escape(model.metadata.name)}</p></header>"
    )


def _tiles(
    records: Sequence[RecordScore], problems: Sequence[Problem], labels: Sequence[str]
) -> str:
    entries = [
        ("records", f"{len(records):,}", ""),
        ("of ECG", duration(sum(r.duration_s for r in records)), ""),
        ("beats", f"{sum(r.beats for r in records):,}", ""),
    ]
    entries += [(name, f"{_total(records, name):,}", class_style(name)) for name in labels]
    if problems:
        entries.append(("not scored", f"{len(problems):,}", "bad"))
    return tiles(entries)


def _problems(problems: Sequence[Problem], table: str) -> str:
    if not problems:
        return ""
    rows = [_problem(problem) for problem in problems[:_MOST_ROWS]]
    more = rest = ""
    if len(problems) > _MOST_ROWS:
        more = f"The first {_MOST_ROWS:,} of {len(problems):,}. "
    # A long list must not stand between a person and the results.
    first = len(rows) if len(rows) <= _FEW_PROBLEMS + 1 else _FEW_PROBLEMS
    if rows[first:]:
        others = f"{len(rows) - first:,} more"
        rest = f"<details><summary>{others}</summary><ul>{''.join(rows[first:])}</ul></details>"
    return (
        f'<section class="bad"><h2>Not scored</h2><ul>{"".join(rows[:first])}</ul>{rest}'
        f'<p class="quiet">{more}All of it is in <a href="{table}">{table}</a>.</p></section>'
    )


def _problem(problem: Problem) -> str:
    message = problem.error.message
    said = message if problem.path in message else f"{problem.path}: {message}"
    hint = problem.error.hint
    cure = f'<br><span class="quiet">{escape(hint)}</span>' if hint else ""
    return f"<li>{escape(said)}{cure}</li>"


def _table(records: Sequence[RecordScore], labels: Sequence[str], tables: Sequence[str]) -> str:
    if not records:
        return ""
    noted = any(record.notes or record.remarks for record in records)
    notes = '<th class="text">notes</th>' if noted else ""
    header = "".join(f'<th class="{class_style(name)}">{escape(name)}</th>' for name in labels)
    has_rhythm = len(tables) > _FIRST_TABLES
    rhythm = '<th class="text">rhythm</th>' if has_rhythm else ""
    rows = "".join(
        _row(record, labels, noted=noted, has_rhythm=has_rhythm) for record in records[:_MOST_ROWS]
    )
    episodes = ""
    if has_rhythm:
        episodes = f'each rhythm episode in <a href="{tables[3]}">{tables[3]}</a>, '
    more = ""
    if len(records) > _MOST_ROWS:
        more = f"The first {_MOST_ROWS:,} of {len(records):,}. "
    return (
        '<section><h2>Records</h2><p class="swipe">Swipe for more columns →</p>'
        '<div class="scroll wide"><table class="records"><thead><tr>'
        f"<th>record</th><th>beats</th>{header}<th>PVC&nbsp;%</th><th>bpm</th>"
        '<th>lowest, highest</th><th>SDNN&nbsp;ms</th><th>length</th><th class="text">lead</th>'
        f"{rhythm}{notes}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="quiet">{more}Lowest and highest rate: of 8 intervals. Each record has a '
        f'page of its own. All of it is in <a href="{tables[0]}">{tables[0]}</a>, each beat in '
        f'<a href="{tables[1]}">{tables[1]}</a>, {episodes}'
        'annotations for WFDB viewers in <a href="annotations/">annotations/</a>.</p></section>\n'
    )


def _row(
    record: RecordScore, labels: Sequence[str], *, noted: bool, has_rhythm: bool = False
) -> str:
    name = escape(record.record)
    rate = record.heart_rate_bpm
    cells = [
        f'<a href="{_page_of(record)}">{name}</a>',
        f"{record.beats:,}",
    ]
    cells += [
        f'<span class="{class_style(label)}">{record.counts[label]:,}</span>'
        if record.counts[label]
        else '<span class="none">0</span>'
        for label in labels
    ]
    burden = record.pvc_burden_percent
    cells += [
        "" if burden is None else f"{burden:.1f}",
        "" if rate is None else f"{rate.mean:.0f}",
        "" if rate is None else f"{rate.min:.0f}, {rate.max:.0f}",
        "" if record.variability.sdnn_ms is None else f"{record.variability.sdnn_ms:.0f}",
        duration(record.duration_s),
    ]
    texts = [escape(lead_label(record.lead))]
    if has_rhythm:
        texts.append(said_of_rhythm(record.rhythm))
    if noted:
        told = escape("; ".join((*record.remarks, *record.notes)))
        texts.append(f'<span class="note">{told}</span>')
    return (
        "<tr>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "".join(f'<td class="text">{text}</td>' for text in texts)
        + "</tr>\n"
    )


def _figures(part: Part, number: int, *, is_open: bool) -> str:
    score = part.score
    said = [
        f'<span class="{class_style(name)}">{score.counts[name]:,} {escape(name)}</span>'
        for name in ("V", "S")
        if score.counts.get(name)
    ] or ['<span class="quiet">no ectopic beats</span>']
    opened = " open" if is_open else ""
    return (
        f"<details{opened}><summary><b>{escape(score.record)}</b> {' '.join(said)}</summary>"
        f'<div class="figures" id="r{number}">{part.figures or record_figures(part)}'
        f'<p class="quiet"><a href="{_page_of(score)}">The page of this record</a></p>'
        f"</div></details>\n"
    )


def _page_of(record: RecordScore) -> str:
    return quote(f"records/{record.record}.html")


def _most_ectopic(records: Sequence[RecordScore]) -> list[int]:
    """Return the places of the records whose figures are drawn, in their order."""

    def ectopic(place: int) -> int:
        counts = records[place].counts
        return counts.get("V", 0) + counts.get("S", 0)

    places = sorted(range(len(records)), key=ectopic, reverse=True)[:_MOST_FIGURES]
    return sorted(places)


def _total(records: Sequence[RecordScore], name: str) -> int:
    return sum(record.counts[name] for record in records)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
