"""A sheet that shows which words of a sentence speak for each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.palette import diverging
from edgecnn.explain.sheet import FAINT, INK, MARGIN, SOFT, WIDTH, Sheet
from edgecnn.explain.words import WordEvidence
from edgecnn.runtime.overlay import text_width

__all__ = ["sentence_picture", "word_sheet"]

_SIZE = 34
_LINE = 64
_PAD = 10
_GAP = 8
_WHITE = (255, 255, 255)


def word_sheet(title: str, subtitle: str, evidence: WordEvidence) -> bytes:
    """Draw the sentence once for each class, its words coloured, all on one scale.

    Returns
    -------
    bytes
        A PNG.
    """
    sheet = Sheet(title, subtitle)
    extent = float(np.abs(evidence.losses).max()) or 1.0
    y = float(sheet.bottom + 12)
    for losses, (label, score) in zip(evidence.losses, evidence.shown, strict=True):
        sheet.text(label, MARGIN, y + 26, size=28)
        sheet.text(f"{100 * score:.1f} %", WIDTH - MARGIN, y + 26, size=24, colour=SOFT,
                   align="right")  # fmt: skip
        y = _words(sheet, evidence, losses / extent, y + 48) + 28
    sheet.legend(MARGIN, y + 10)
    sheet.text(f"strongest colour: {extent:.2g} logits", WIDTH - MARGIN, y + 10, size=20,
               colour=SOFT, align="right")  # fmt: skip
    said = "Erasing: what the class's logit loses when a word becomes one that is not known"
    notes = [f"{said} (Li, Monroe, Jurafsky 2016)."]
    if evidence.unknown:
        notes.append("Grey words are not in the vocabulary: the network reads all of them alike.")
    if evidence.left_out:
        notes.append(f"{evidence.left_out} more words are beyond what the network reads.")
    for number, note in enumerate(notes):
        sheet.text(note, MARGIN, y + 50 + 28 * number, size=18, colour=SOFT)
    return sheet.png()


def sentence_picture(words: Sequence[str], width: int) -> NDArray[np.uint8]:
    """Write a sentence as a picture, shape ``(H, width, 3)`` BGR, in lines."""
    sheet = Sheet("", width=width + MARGIN)
    top = sheet.bottom
    y = float(top)
    for line in _lines(words, width - MARGIN):
        sheet.text(" ".join(line), 0, y + 34, size=24, room=float(width))
        y += 40
    return np.ascontiguousarray(sheet.pixels[top:, :width])


def _words(sheet: Sheet, evidence: WordEvidence, strengths: NDArray[np.float64], y: float) -> float:
    """Draw words on their colours, in lines; returns where the next line would begin."""
    x = float(MARGIN)
    for word, strength in zip(evidence.words, strengths.tolist(), strict=True):
        wide = text_width(word, _SIZE) + 2 * _PAD
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + _LINE
        known = word not in evidence.unknown
        if known:
            colour = diverging(np.array([[strength]]))[0, 0]
            blue, green, red = (int(value) for value in colour)
            sheet.fill(x, y, wide, _LINE - 14, (blue, green, red))
        ink = _WHITE if abs(strength) > 0.6 else INK
        sheet.text(word, x + _PAD, y + 36, size=_SIZE, colour=ink if known else FAINT)
        x += wide + _GAP
    return y + _LINE


def _lines(words: Sequence[str], width: float) -> list[list[str]]:
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and text_width(" ".join([*lines[-1], word]), 24) > width:
            lines.append([])
        lines[-1].append(word)
    return lines
