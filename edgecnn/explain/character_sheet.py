"""A sheet that shows what a generator of text expects, character by character."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.characters import CharacterEvidence
from edgecnn.explain.palette import diverging, sequential
from edgecnn.explain.sheet import FAINT, INK, MARGIN, SOFT, WIDTH, Sheet, enlarged

__all__ = ["character_sheet", "text_picture"]

_COLUMNS = 40
_CELL = (WIDTH - 2 * MARGIN) / _COLUMNS
_BOX, _EXPECTED = 46, 22
_LINE = _BOX + 3 * _EXPECTED + 26
#: Surprise at which the colour ends: a character of 1.8 % probability.
_MOST_NATS = 4.0
_UNITS = 24


def character_sheet(title: str, evidence: CharacterEvidence) -> bytes:
    """Draw the text coloured by its surprise, what was expected below, and some units of the state.

    Returns
    -------
    bytes
        A PNG.
    """
    mean = float(np.nanmean(evidence.surprise_nats))
    sheet = Sheet(title, f"{mean:.2f} nats a character over {len(evidence.text)} characters")
    # Left of the ramp's own numbers.
    sheet.scale(WIDTH - MARGIN, 104, 0, _MOST_NATS, signed=False)
    y = float(sheet.bottom + 12)
    for line in _lines(evidence):
        for place, number in enumerate(line):
            _character(sheet, evidence, number, MARGIN + place * _CELL, y)
        y += _LINE
    notes = [
        "The colour is the surprise: minus the logarithm of the probability that the character had "
        "before it was read.",
        "Below: what was the likeliest in its place, from above; · is a space, ¶ a line's end.",
    ]
    if evidence.cut:
        notes.append(f"{evidence.cut} more characters are not shown.")
    for note in notes:
        sheet.text(note, MARGIN, y + 14, size=18, colour=SOFT)
        y += 28
    if len(evidence.states):
        _units(sheet, evidence, y + 30)
    return sheet.png()


def text_picture(text: str, width: int) -> NDArray[np.uint8]:
    """Write a text as a picture, shape ``(H, width, 3)`` BGR, in lines of equal length."""
    sheet = Sheet("", width=width + MARGIN)
    top = sheet.bottom
    letters = max(20, width // 20)
    shown = text.replace("\n", "¶")
    for number, start in enumerate(range(0, len(shown), letters)):
        line = shown[start : start + letters]
        sheet.text(line, 0, top + 34 + 36 * number, size=24, room=float(width))
    return np.ascontiguousarray(sheet.pixels[top:, :width])


def _lines(evidence: CharacterEvidence) -> Iterator[range]:
    for start in range(0, len(evidence.text), _COLUMNS):
        yield range(start, min(start + _COLUMNS, len(evidence.text)))


def _character(sheet: Sheet, evidence: CharacterEvidence, number: int, x: float, y: float) -> None:
    surprise = float(evidence.surprise_nats[number])
    middle = x + _CELL / 2
    ink = SOFT
    if np.isfinite(surprise):
        level = min(1.0, surprise / _MOST_NATS)
        blue, green, red = (int(value) for value in sequential(np.array([[level]]))[0, 0])
        sheet.fill(x + 1, y, _CELL - 2, _BOX, (blue, green, red))
        ink = INK if level > 0.6 else (255, 255, 255)
    sheet.text(_shown(evidence.text[number]), middle, y + 33, size=28, colour=ink, align="centre")
    for place, (character, share) in enumerate(evidence.expected[number]):
        # The likelier, the darker.
        pale = tuple(
            round(f + min(1.0, 1.2 * share) * (i - f)) for f, i in zip(FAINT, INK, strict=True)
        )
        at = y + _BOX + _EXPECTED * (place + 1)
        sheet.text(_shown(character), middle, at, size=20, colour=pale, align="centre")  # type: ignore[arg-type]


def _units(sheet: Sheet, evidence: CharacterEvidence, y: float) -> None:
    """Draw the units of the state that move most from character to character."""
    moved = np.abs(np.diff(evidence.states, axis=1)).mean(axis=1)
    chosen = np.sort(np.argsort(-moved, kind="stable")[:_UNITS])
    sheet.text("what it keeps in mind", MARGIN, y, size=26)
    said = f"the {len(chosen)} of {len(evidence.states)} values of the state that move most"
    sheet.text(f"{said}, over the first line", MARGIN + 330, y, size=20, colour=SOFT)
    y += 20
    count = min(_COLUMNS, len(evidence.text))
    for place, character in enumerate(evidence.text[:count]):
        x = MARGIN + (place + 0.5) * _CELL
        sheet.text(_shown(character), x, y + 22, size=20, colour=SOFT, align="centre")
    rows = evidence.states[chosen, :count]
    # Each row on its own scale: cell states have none in common.
    rows = rows / np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9)
    picture = diverging(enlarged(rows, 18 * len(chosen), round(count * _CELL)))
    sheet.paste(picture, MARGIN, y + 34)


def _shown(character: str) -> str:
    return {" ": "·", "\n": "¶", "\t": "→"}.get(character, character)
