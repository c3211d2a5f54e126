"""A sheet that shows what in a heartbeat, and in its rhythm, speaks for its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.beats import ERASED_S, SHOWN_RATIOS, BeatEvidence
from edgecnn.explain.palette import AGAINST, FOR, diverging
from edgecnn.explain.sheet import FAINT, INK, MARGIN, RULE, SOFT, WIDTH, Sheet
from edgecnn.metadata import BeatInput

__all__ = ["beat_sheet", "trace_of"]

_PANEL = 300
_TRACE = 980
_RIGHT = MARGIN + _TRACE + 70


def beat_sheet(title: str, subtitle: str, beats: Sequence[BeatEvidence], spec: BeatInput) -> bytes:
    """Draw each beat over the colours of its evidence, and its RR ratios beside it.

    Returns
    -------
    bytes
        A PNG.
    """
    sheet = Sheet(title, subtitle)
    y = float(sheet.bottom)
    for beat in beats:
        y += 44
        sheet.text(beat.label, MARGIN, y, size=32)
        sheet.text(f"{100 * beat.score:.1f} %", MARGIN + 60, y, size=24, colour=SOFT)
        sheet.text(f"at {beat.at_s:.2f} s", MARGIN + _TRACE, y, size=20, colour=SOFT, align="right")
        sheet.text(_beside_it(spec), _RIGHT, y, size=22, colour=SOFT)
        extent = float(max(np.abs(beat.evidence).max(), np.abs(beat.ratio_evidence).max())) or 1.0
        said = f"strongest colour: {extent:.2g} logits"
        sheet.text(said, WIDTH - MARGIN, y, size=18, colour=FAINT, align="right")
        y += 22
        sheet.paste(np.full((_PANEL, _TRACE, 3), 255, np.uint8), MARGIN, y)
        _draw_beat(sheet, beat, spec, (MARGIN, y, _TRACE, _PANEL), extent=extent)
        _time_axis(sheet, spec, y + _PANEL)
        _rhythm(sheet, beat, y, extent)
        y += _PANEL + 36
    y = float(sheet.bottom + 40)
    sheet.legend(MARGIN, y)
    x = MARGIN + 420
    for colour, thick, said in (
        (INK, 4, "the beat"),
        (FAINT, 3, f"the mean of up to {spec.template_beats} beats before it"),
    ):
        sheet.fill(x, y - 8, 34, thick, colour)
        sheet.text(said, x + 46, y, size=20, colour=SOFT)
        x += 200
    sheet.text(
        f"Erasing: what the class's logit loses when {1000 * ERASED_S:.0f} ms of the beat become a "
        "straight line, or a number beside it becomes an ordinary one (an RR ratio of 1).",
        MARGIN, y + 40, size=18, colour=SOFT,
    )  # fmt: skip
    return sheet.png()


def _beside_it(spec: BeatInput) -> str:
    """Say what the numbers beside a beat are of."""
    return "rhythm" if spec.likeness is None else "rhythm, likeness"


def _draw_beat(
    sheet: Sheet,
    beat: BeatEvidence,
    spec: BeatInput,
    box: tuple[float, float, float, float],
    *,
    extent: float | None = None,
) -> None:
    """Draw the beat and its template into a box; with ``extent``, over the evidence's colours."""
    left, top, width, height = box
    count = len(beat.beat)
    if extent is not None:
        # Pale, so that the line on it is what is seen first.
        share = 0.75 * np.repeat((beat.evidence / extent)[None], 2, axis=0)
        ends = np.linspace(0, count - 1, round(width))
        band = diverging(np.stack([np.interp(ends, np.arange(count), row) for row in share]))
        sheet.paste(np.repeat(band[:1], round(height), axis=0), left, top)
    both = np.stack([beat.beat, beat.template])
    low, high = float(both.min()), float(both.max())
    span = (high - low) or 1.0
    x = left + np.arange(count) / (count - 1) * width
    peak = left + spec.before / (count - 1) * width
    sheet.fill(peak, top, 1, height, RULE if extent is None else SOFT)
    for values, colour, thick in ((beat.template, FAINT, 3), (beat.beat, INK, 4)):
        y = top + height * (0.92 - 0.84 * (values - low) / span)
        sheet.line(np.stack([x, y], axis=1), colour, thick)


def _time_axis(sheet: Sheet, spec: BeatInput, y: float) -> None:
    """Draw the time from the R peak, below a panel."""
    count = spec.before + spec.after
    per_s = _TRACE / ((count - 1) / spec.sampling_rate_hz)
    zero = MARGIN + spec.before / spec.sampling_rate_hz * per_s
    tenths = np.arange(-20, 40)
    for tenth in tenths[np.abs(zero + tenths / 10 * per_s - MARGIN - _TRACE / 2) <= _TRACE / 2]:
        x = zero + tenth / 10 * per_s
        sheet.fill(x, y, 1, 6, SOFT)
        if tenth % 2 == 0:
            said = "R peak" if tenth == 0 else f"{100 * tenth} ms".replace("-", "−")
            sheet.text(said, x, y + 24, size=16, colour=SOFT, align="centre")


def _rhythm(sheet: Sheet, beat: BeatEvidence, y: float, extent: float) -> None:
    """Draw what RR ratios and likeness add, as bars from the middle."""
    room = WIDTH - MARGIN - _RIGHT
    middle, half = _RIGHT + room / 2, room / 2 - 70
    step = _PANEL / SHOWN_RATIOS
    # Those that matter most, in the order in which the network reads them.
    most = np.argsort(-np.abs(beat.ratio_evidence), kind="stable")[:SHOWN_RATIOS]
    for number, place in enumerate(np.sort(most).tolist()):
        name, ratio = beat.names[place], float(beat.ratios[place])
        lost = float(beat.ratio_evidence[place])
        top = y + number * step
        sheet.text(name, _RIGHT, top + 16, size=17, colour=SOFT)
        sheet.text(f"{ratio:.2f}", WIDTH - MARGIN, top + 16, size=17, align="right")
        long = abs(lost) / extent * half
        sheet.fill(_RIGHT, top + 34, room, 1, RULE)
        sheet.fill(
            middle if lost > 0 else middle - long, top + 26, max(1.0, long), 16,
            FOR if lost > 0 else AGAINST,
        )  # fmt: skip
        sheet.fill(middle, top + 24, 1, 20, FAINT)


def trace_of(beat: BeatEvidence, spec: BeatInput, width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture of the beat alone, shape ``(height, width, 3)`` BGR."""
    paper = Sheet("", width=width)
    _draw_beat(paper, beat, spec, (0, 0, width, height))
    return paper.pixels[:height]
