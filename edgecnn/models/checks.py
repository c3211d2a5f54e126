"""What every builder asks of its arguments."""

from __future__ import annotations

from collections.abc import Sequence

from edgecnn.errors import UsageError

__all__ = ["check_counts", "check_dropout", "check_width", "picture_size"]

#: Beyond this, a network of 1,000 layers and one of 10 alike would be a slip of the finger.
_WIDEST = 64.0


def check_counts(network: str, **counts: int | Sequence[int]) -> None:
    """Refuse counts below 1, alone or in a list.

    Raises
    ------
    UsageError
    """
    for name, value in counts.items():
        values = (value,) if isinstance(value, int) else tuple(value)
        if not values or min(values) < 1:
            shown = value if isinstance(value, int) else list(value)
            raise UsageError(f"{network}: {name}={shown}?", hint=f"{name} counts from 1")


def check_dropout(network: str, dropout: float) -> None:
    """Refuse a share outside 0..1.

    Raises
    ------
    UsageError
    """
    if not 0 <= dropout < 1:
        raise UsageError(f"{network}: dropout={dropout:g}?", hint="a share from 0 to below 1")


def check_width(network: str, width: float) -> None:
    """Refuse a multiplier of widths that leaves nothing, or too much.

    Raises
    ------
    UsageError
    """
    if not 0 < width <= _WIDEST:
        raise UsageError(
            f"{network}: width={width:g}?", hint="it multiplies all widths; 1 is the paper's"
        )


def picture_size(network: str, size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width; one number stands for both.

    Raises
    ------
    UsageError
        Other than one or two counts.
    """
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2:
        raise UsageError(f"{network}: size={list(sides)}?", hint="height and width, or one number")
    check_counts(network, size=sides)
    return sides[0], sides[1]
