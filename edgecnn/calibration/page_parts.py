"""What the pages of a comparison and of a quantization both have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["remarks_section", "tiles_list"]


def tiles_list(tiles: Iterable[tuple[str, str]]) -> str:
    """Show names and values as a row of tiles."""
    shown = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in tiles
    )
    return f'<dl class="tiles compare">{shown}</dl>'


def remarks_section(remarks: Sequence[str]) -> str:
    """List remarks; nothing where there are none."""
    if not remarks:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in remarks)
    return f'<section><h2>Remarks</h2><ul class="rules">{items}</ul></section>'
