"""Units of ECG signals, to millivolts."""

from __future__ import annotations

from edgecnn.errors import RecordError

__all__ = ["is_voltage", "millivolts_per"]

_MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "microv": 1e-3, "nv": 1e-6, "v": 1e3}
_WORDS = {"millivolt": "mv", "millivolts": "mv", "microvolt": "uv", "microvolts": "uv"}
_WORDS |= {"volt": "v", "volts": "v", "mvolt": "mv", "mvolts": "mv", "uvolt": "uv", "uvolts": "uv"}
_WORDS |= {"nanovolt": "nv", "nanovolts": "nv"}

#: Of a converter: without their number per millivolt they say nothing.
_STEPS = frozenset({"adu", "au", "a.u.", "lsb", "count", "counts", "raw", "digit", "digits"})


def is_voltage(unit: str) -> bool:
    """Say whether a unit is one of electric potential that can be turned into mV."""
    return _short(unit) in _MILLIVOLTS


def millivolts_per(unit: str, *, source: str) -> float:
    """Return how many millivolts one of a unit is.

    Raises
    ------
    RecordError
        Not a unit of electric potential.

    Examples
    --------
    >>> millivolts_per("uV", source="a")
    0.001
    """
    if not unit.strip():
        raise RecordError(
            f"{source}: its samples have no unit", hint="one of mV, uV, nV, V must be stated"
        )
    if not is_voltage(unit):
        raise RecordError(
            f"{source}: {unit!r} is no unit of an ECG",
            hint="one of mV, uV, nV, V is; a layout file gives a table's steps per mV (gain)"
            if unit.lower() in _STEPS
            else "one of mV, uV, nV, V is",
        )
    return _MILLIVOLTS[_short(unit)]


def _short(unit: str) -> str:
    plain = unit.strip().lower()
    return _WORDS.get(plain, plain)
