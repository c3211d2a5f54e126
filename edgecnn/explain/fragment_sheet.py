"""A sheet that shows where in a fragment of signal the evidence for each class lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.fragments import ERASED_S, FragmentEvidence
from edgecnn.explain.palette import diverging
from edgecnn.explain.sheet import FAINT, INK, MARGIN, SOFT, WIDTH, Sheet

__all__ = ["fragment_sheet", "strip_of"]

#: Height of a lead's strip: of one lead, and of one of twelve.
_TALLEST, _LEAST = 240, 84
_NAME = 64
_TRACE = WIDTH - 2 * MARGIN - _NAME


def fragment_sheet(
    title: str, subtitle: str, evidence: FragmentEvidence, sampling_rate_hz: float
) -> bytes:
    """Draw the fragment once for each class, over the colours of the evidence, all on one scale.

    Returns
    -------
    bytes
        A PNG.
    """
    sheet = Sheet(title, subtitle)
    extent = float(np.abs(evidence.evidence).max()) or 1.0
    tall = int(np.clip(720 // len(evidence.leads), _LEAST, _TALLEST))
    seconds = evidence.signal_mv.shape[1] / sampling_rate_hz
    y = float(sheet.bottom)
    for losses, (label, score) in zip(evidence.evidence, evidence.shown, strict=True):
        y += 44
        sheet.text(label, MARGIN, y, size=32)
        right = WIDTH - MARGIN
        sheet.text(f"{100 * score:.1f} %", right, y, size=24, colour=SOFT, align="right")
        y += 18
        for name, signal, strength in zip(evidence.leads, evidence.signal_mv, losses, strict=True):
            sheet.text(name, MARGIN, y + tall / 2 + 6, size=20, colour=SOFT, room=_NAME - 8)
            box = (MARGIN + _NAME, y, _TRACE, tall)
            _strip(sheet, signal, box, strength=strength / extent)
            y += tall + 6
        _seconds(sheet, evidence.start_s, seconds, y)
        y += 34
    y += 30
    sheet.legend(MARGIN, y)
    said = f"strongest colour: {extent:.2g} logits"
    sheet.text(said, WIDTH - MARGIN, y, size=20, colour=SOFT, align="right")
    sheet.text(
        f"Erasing: what the class's logit loses when {1000 * ERASED_S:.0f} ms of a lead become a "
        "straight line. Each strip has the height of its own signal.",
        MARGIN, y + 40, size=18, colour=SOFT,
    )  # fmt: skip
    return sheet.png()


def strip_of(evidence: FragmentEvidence, width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture of the fragment alone, shape ``(height, width, 3)`` BGR."""
    paper = Sheet("", width=width)
    tall = height / len(evidence.leads)
    paper.fill(0, 0, width, height, (255, 255, 255))
    for number, signal in enumerate(evidence.signal_mv):
        _strip(paper, signal, (0, round(number * tall), width, round(tall)))
    return paper.pixels[:height]


def _strip(
    sheet: Sheet,
    signal: NDArray[np.float64],
    box: tuple[float, float, float, float],
    *,
    strength: NDArray[np.float64] | None = None,
) -> None:
    """Draw one lead into a box."""
    left, top, width, height = box
    places = np.arange(len(signal))
    if strength is not None:
        # Pale, so that the line on it is what is seen first.
        along = np.interp(np.linspace(0, places[-1], round(width)), places, 0.75 * strength)
        sheet.paste(np.repeat(diverging(along[None]), round(height), axis=0), left, top)
    low, high = np.percentile(signal, [0.1, 99.9])
    span = float(high - low) or 1.0
    x = left + places / places[-1] * width
    y = top + height * (0.92 - 0.84 * np.clip((signal - low) / span, -0.05, 1.05))
    sheet.line(np.stack([x, y], axis=1), INK, 2)


def _seconds(sheet: Sheet, start_s: float, length_s: float, y: float) -> None:
    """Write the time from the record's start below a panel, at most a dozen times."""
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600) if length_s / s <= 12)
    first = np.ceil(start_s / step - 1e-9) * step
    for time_s in np.arange(first, start_s + length_s + 1e-9, step):
        x = MARGIN + _NAME + (time_s - start_s) / length_s * _TRACE
        sheet.fill(min(x, WIDTH - MARGIN - 1), y, 1, 6, FAINT)
        align = "right" if x > WIDTH - MARGIN - 30 else "centre" if x > MARGIN + 90 else "left"
        sheet.text(f"{time_s:.3g} s", x, y + 24, size=16, colour=SOFT, align=align)
