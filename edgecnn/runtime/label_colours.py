"""The colour of each label: the same around boxes, in the page's strip, and for every visitor."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

__all__ = ["Colour", "label_colour", "page_colours"]

#: Blue, green, red.
Colour = tuple[int, int, int]

#: Degrees of hue from one label to the next: no small multiple of it comes back to the start.
_GOLDEN_ANGLE = 137.508


def label_colour(label: int) -> Colour:
    """Return a label's colour by its number: bright, and unlike its neighbours'."""
    hue = (label * _GOLDEN_ANGLE + 20) % 360
    # Not OpenCV's conversion, whose last digits depend on the processor.
    red, green, blue = colorsys.hsv_to_rgb(hue / 360, 2 / 3, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def page_colours(labels: Sequence[str], own: Mapping[str, Colour] | None = None) -> dict[str, str]:
    """Return the labels' colours as a style sheet writes them, in the labels' order.

    Parameters
    ----------
    labels : sequence of str
    own : mapping of str to Colour, optional
        Labels whose colour is a convention.

    Examples
    --------
    >>> page_colours(["N", "V"], {"V": (80, 80, 255)})
    {'N': '#ff8e55', 'V': '#ff5050'}
    """
    own = own or {}
    colours = (own.get(label) or label_colour(place) for place, label in enumerate(labels))
    return {
        label: f"#{red:02x}{green:02x}{blue:02x}"
        for label, (blue, green, red) in zip(labels, colours, strict=True)
    }
