"""What one record came to, for people and for programs: its own page, and its own document."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from math import isnan
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn import __version__
from edgecnn.ecg.leads import lead_label
from edgecnn.ecg.parts import Part, RecordScore
from edgecnn.ecg.report_figures import class_style, rr_histogram, strip_figure, tachogram
from edgecnn.ecg.report_layout import (
    DISCLAIMER,
    duration,
    facts,
    model_section,
    page_foot,
    page_head,
    rhythm_section,
    tiles,
)
from edgecnn.ecg.rhythm import rhythm_input_of
from edgecnn.ecg.rhythm_figures import rhythm_ribbon, rhythm_table
from edgecnn.ecg.scored_record import UNCLASSIFIED
from edgecnn.ecg.table_rows import EPISODES_HEADER, episode_rows
from edgecnn.runtime.session import Model

__all__ = ["record_document", "record_figures", "record_page"]

_BLOCK = 1 << 13
_ECTOPIC = {"V": "ventricular", "S": "supraventricular"}


def record_figures(part: Part) -> str:
    """Draw a record: heart rate and rhythm over time, RR intervals, strips of ectopic beats."""
    strips = "".join(map(strip_figure, part.strips))
    if strips:
        strips = (
            f'<p class="quiet">Lead {escape(lead_label(part.score.lead))}, 25 mm/s: the longest '
            "run of each class, and others spread over the record</p>"
            f'<div class="strips">{strips}</div>'
        )
    return f"{tachogram(part)}{rhythm_ribbon(part)}{rr_histogram(part)}{strips}"


def record_page(part: Part, model: Model, rhythm: Model | None = None) -> str:
    """Return a record's page: HTML that needs nothing else.

    Parameters
    ----------
    part : Part
        With its figures drawn.
    model : Model
        What classified the beats.
    rhythm : Model, optional
        What named the rhythm.
    """
    score = part.score
    up = "../" * (score.record.count("/") + 1)
    names = dict.fromkeys(part.names)
    labels = tuple(name for name in names if name != UNCLASSIFIED or score.counts[name])
    header = (
        f"<header><h1>ECG report: {escape(score.record)}</h1>"
        f'<p class="quiet">edgecnn {escape(__version__)}, model {escape(model.metadata.name)} '
        f'· <a href="{up}report.html">all records</a></p></header>'
    )
    rate, varies = score.heart_rate_bpm, score.variability
    entries = [
        ("of ECG", duration(score.duration_s), ""),
        ("beats", f"{score.beats:,}", ""),
        *((name, f"{score.counts[name]:,}", class_style(name)) for name in labels),
    ]
    if rate is not None:
        entries += [("bpm", f"{rate.mean:.0f}", ""), ("lowest", f"{rate.min:.0f}", "")]
        entries += [("highest", f"{rate.max:.0f}", "")]
    if varies.sdnn_ms is not None:
        entries.append(("SDNN ms", f"{varies.sdnn_ms:.0f}", ""))
    if varies.rmssd_ms is not None:
        entries.append(("RMSSD ms", f"{varies.rmssd_ms:.0f}", ""))
    if score.rhythm is not None and score.rhythm.af is not None:
        burden = score.rhythm.af.burden_percent
        entries.append(("AF burden %", "?" if burden is None else f"{burden:.3g}", ""))
    figures = part.figures or record_figures(part)
    return (
        f"{page_head(f'ECG report: {score.record}', header, comment=_OWN)}{tiles(entries)}\n"
        f"<section><h2>Rhythm and ectopic beats</h2>{_ectopy(score)}"
        f"{rhythm_table(score.rhythm, score.duration_s) if score.rhythm is not None else ''}"
        f'<div class="figures">'
        f"{figures or 'No two beats in succession: nothing to draw.'}</div></section>\n"
        f"<section><h2>Recording</h2>{facts(_recording(score))}</section>\n"
        f"{model_section(model, labels)}\n"
        f"{rhythm_section(rhythm) if rhythm is not None else ''}{page_foot()}"
    )


#: By this a later run knows a page as one that it may replace.
_OWN = "<!-- edgecnn record -->\n"


def record_document(part: Part, model: Model, rhythm: Model | None = None) -> bytes:
    """Return a record's JSON document; keys may be added, not renamed.

    Scores have four digits, as the table of beats has.
    """
    score = part.score
    rate, varies = score.heart_rate_bpm, score.variability
    document = {
        "edgecnn": __version__,
        "note": DISCLAIMER,
        "record": score.record,
        "path": score.path,
        "lead": score.lead,
        "sampling_rate_hz": score.sampling_rate_hz,
        "duration_s": score.duration_s,
        "model": {"name": model.metadata.name, "file": model.path.name},
        "counts": score.counts,
        "heart_rate_bpm": rate,
        "hrv": {
            "sdnn_ms": varies.sdnn_ms,
            "rmssd_ms": varies.rmssd_ms,
            "nn_intervals": varies.intervals,
        },
        "ectopy": score.ectopy,
        "quality": {
            "gaps_s": score.gaps_s,
            "flat_s": score.flat_s,
            "saturated_s": score.saturated_s,
            "noise_s": score.noise_s,
            "remarks": score.remarks,
        },
        "notes": score.notes,
        **(_rhythm_document(part, rhythm) if rhythm is not None else {}),
        "beats": {
            "sample": _array(part.samples, np.ndarray.tolist),
            "class": _array(part.class_indices, lambda own: [part.names[n] for n in own.tolist()]),
            "score": _array(part.scores, _rounded),
        },
    }
    return msgspec.json.encode(document) + b"\n"


def _rhythm_document(part: Part, model: Model) -> dict[str, Any]:
    spec, rhythm = rhythm_input_of(model), part.score.rhythm
    return {
        "rhythm": {
            "model": {"name": model.metadata.name, "file": model.path.name},
            "fragment_s": spec.samples / spec.sampling_rate_hz,
            "answered_s": None if rhythm is None else rhythm.answered_s,
            "seconds": {} if rhythm is None else rhythm.seconds,
            "af": None if rhythm is None else rhythm.af,
            "episodes": [
                dict(zip(EPISODES_HEADER, row, strict=True)) for row in episode_rows(part)
            ],
        }
    }


def _array(values: NDArray[Any], plain: Callable[[NDArray[Any]], list[Any]]) -> msgspec.Raw:
    """Encode an array, some of it at a time: a day's beats as Python's numbers take much memory."""
    blocks = (
        msgspec.json.encode(plain(values[first : first + _BLOCK]))[1:-1]
        for first in range(0, len(values), _BLOCK)
    )
    return msgspec.Raw(b"[" + b",".join(blocks) + b"]")


def _rounded(scores: NDArray[np.float32]) -> list[float | None]:
    rounded = np.round(scores.astype(np.float64), 4).tolist()
    return [None if isnan(value) else value for value in rounded]


def _ectopy(score: RecordScore) -> str:
    rows = "".join(
        f'<tr><td class="{class_style(name)}">{_ECTOPIC.get(name, escape(name))}</td>'
        f"<td>{found.beats:,}</td>"
        f"<td>{'' if found.burden_percent is None else f'{found.burden_percent:.2f}'}</td>"
        f"<td>{found.pairs:,}</td><td>{found.runs:,}</td><td>{found.longest_run:,}</td></tr>"
        for name, found in score.ectopy.items()
    )
    if not rows:
        return ""
    return (
        '<div class="scroll wide"><table class="measured"><thead><tr><th>ectopic beats</th>'
        "<th>beats</th><th>burden&nbsp;%</th><th>pairs</th><th>runs of 3+</th><th>longest run</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _recording(score: RecordScore) -> list[tuple[str, str]]:
    entries = [
        ("file", score.path),
        ("lead", lead_label(score.lead)),
        ("rate", f"{score.sampling_rate_hz:g} Hz"),
        ("no signal", _share(score.gaps_s, score)),
        ("flat", _share(score.flat_s, score)),
        ("saturated", _share(score.saturated_s, score)),
        ("noise", _share(score.noise_s, score)),
    ]
    entries += [("quality", remark) for remark in score.remarks]
    return entries + [("note", note) for note in score.notes]


def _share(seconds: float, score: RecordScore) -> str:
    if not seconds:
        return "none"
    return f"{seconds:.3g} s ({100 * seconds / score.duration_s:.3g} %)"
