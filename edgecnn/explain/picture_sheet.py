"""A sheet that shows where in a picture the evidence for each class lies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.palette import overlaid
from edgecnn.explain.pictures import PictureEvidence
from edgecnn.explain.sheet import INK, MARGIN, SOFT, WIDTH, Sheet

__all__ = ["evidence_sheet"]

_GAP = 28


def evidence_sheet(
    title: str, subtitle: str, seen: NDArray[np.uint8], evidence: PictureEvidence
) -> bytes:
    """Draw the picture, and beside it the picture under each class's map, all on one scale.

    Parameters
    ----------
    title, subtitle : str
    seen : ndarray of uint8, shape (H, W, 3)
        What the network sees, BGR.
    evidence : PictureEvidence

    Returns
    -------
    bytes
        A PNG.
    """
    sheet = Sheet(title, subtitle)
    maps = evidence.maps
    count = len(maps) + 1
    width = (WIDTH - 2 * MARGIN + _GAP) // count - _GAP
    height = round(width * seen.shape[0] / seen.shape[1])
    smooth = cv2.INTER_NEAREST if min(seen.shape[:2]) * 3 < width else cv2.INTER_AREA
    picture = cv2.resize(seen, (width, height), interpolation=smooth).astype(np.uint8, copy=False)
    y = float(sheet.bottom + 8)
    sheet.paste(picture, MARGIN, y)
    sheet.text("what the network sees", MARGIN, y + height + 32, size=22, colour=SOFT, room=width)
    extent = float(np.abs(maps).max()) or 1.0
    for number, (values, (label, score)) in enumerate(
        zip(maps, evidence.shown, strict=True), start=1
    ):
        x = MARGIN + number * (width + _GAP)
        fine = cv2.resize((values / extent).astype(np.float32), (width, height),
                          interpolation=cv2.INTER_CUBIC)  # fmt: skip
        sheet.paste(overlaid(picture, fine), x, y)
        percent = f"{100 * score:.1f} %"
        sheet.text(label, x, y + height + 32, size=24, colour=INK, room=width - 100)
        sheet.text(percent, x + width, y + height + 32, size=22, colour=SOFT, align="right")
    y = float(sheet.bottom + 44)
    sheet.legend(MARGIN, y)
    sheet.text(f"strongest colour: {extent:.2g} logits", WIDTH - MARGIN, y, size=20, colour=SOFT,
               align="right")  # fmt: skip
    sheet.text(evidence.sentence, MARGIN, y + 40, size=18, colour=SOFT)
    return sheet.png()
