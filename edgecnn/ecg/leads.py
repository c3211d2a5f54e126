"""Leads by name: which column of a record is the lead that a model was trained on.

Names are compared by these rules, in order; the first that finds a column wins.

1. The same name.
2. The same name without regard to case, spaces, ``-``, ``_`` and ``.``, and without a leading
   ``ECG``, ``EKG`` or ``lead``: ``lead ii``, ``ECG II`` and ``ECG_II`` are ``II``.
3. Alias: digits for Roman numerals (``2`` is ``II``, ``ML2`` is ``MLII``), a modified limb lead
   for the limb lead (``MLII`` and ``II``: the same direction, electrodes on the torso), a modified
   chest lead for the chest lead (``MCL1`` and ``V1``).
4. A record with a single lead that has no name of its own (a CSV column without a header, or
   called just ``ECG``): it is what there is. Of several leads without names, a number picks one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgecnn.errors import RecordError

__all__ = ["choose_lead", "is_lead_name", "is_unnamed", "lead_label"]

_PREFIX = re.compile(r"^(?:ECG|EKG|LEAD)+(?=.)")
_TWO_ELECTRODES = re.compile(r"(?:(?:ECG|EKG)[12LR+]?){2}")
_LEAD = re.compile(r"I{1,3}|A?V[RLF]|V[1-9]R?|C[MC]5|VX|VY|VZ|X|Y|Z|D[1-3]|E[ASI]")
_ROMAN = {"1": "I", "2": "II", "3": "III"}
_UNNAMED = ("", "ECG", "EKG", "SIGNAL", "VALUE", "LEAD")


def choose_lead(leads: Sequence[str], wanted: str, *, source: str) -> int:
    """Return the column of a lead.

    Parameters
    ----------
    leads : sequence of str
        Names in the record, ``""`` for a lead without one.
    wanted : str
    source : str
        The file, for the error's text.

    Raises
    ------
    RecordError
        No lead of that name or an alias of it.

    Examples
    --------
    >>> choose_lead(("V5", "ML2"), "MLII", source="a")
    1
    """
    for rule in (str, _plain, _canonical):
        target = rule(wanted)
        for column, name in enumerate(leads):
            if name and rule(name) == target:
                return column
    if len(leads) == 1 and is_unnamed(leads[0]):
        return 0
    if wanted.isdigit() and 1 <= int(wanted) <= len(leads) and all(map(is_unnamed, leads)):
        return int(wanted) - 1
    if all(map(is_unnamed, leads)):
        raise RecordError(
            f"{source}: which of its {len(leads)} leads is {wanted}? They have no names",
            hint=f"name a column by its number: --lead 1 ... --lead {len(leads)}",
        )
    names = ", ".join(lead_label(name) for name in leads)
    raise RecordError(
        f"{source} has no lead {wanted}; it has {names}",
        hint="take another one with --lead: one that the model was not trained on",
    )


def is_unnamed(name: str) -> bool:
    """Say whether a name tells no lead: ``ECG``, or two electrodes without a place, ``ECG1-ECG2``.

    Examples
    --------
    >>> is_unnamed("EKG1-EKG2"), is_unnamed("ECG II")
    (True, False)
    """
    squeezed = _squeezed(name)
    return squeezed in _UNNAMED or _TWO_ELECTRODES.fullmatch(squeezed) is not None


def is_lead_name(name: str) -> bool:
    """Say whether a name is that of a lead, and no other signal's.

    Examples
    --------
    >>> [is_lead_name(name) for name in ("aVR", "lead ii", "MCL1", "V3R", "EEG Fpz-Cz", "ramp")]
    [True, True, True, True, False, False]
    """
    return _LEAD.fullmatch(_canonical(name)) is not None


def lead_label(name: str) -> str:
    """Return a name to print: that of a lead without one is ``unnamed``."""
    return name or "unnamed"


def _squeezed(name: str) -> str:
    return re.sub(r"[\s_.\-]+", "", name).upper()


def _plain(name: str) -> str:
    return _PREFIX.sub("", _squeezed(name))


def _canonical(name: str) -> str:
    plain = _plain(name)
    if match := re.fullmatch(r"(?:ML)?(1|2|3|III|II|I)", plain):
        return _ROMAN.get(match[1], match[1])
    if match := re.fullmatch(r"MCL([1-6])", plain):
        return f"V{match[1]}"
    return plain
