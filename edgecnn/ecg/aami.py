"""Annotation codes of beats and the classes of ANSI/AAMI EC57 that they fall into.

Two maps are in use. ``literature`` is that of de Chazal, O'Dwyer & Reilly (2004,
doi:10.1109/TBME.2004.827359) and of nearly every paper on MIT-BIH since: escape beats count as N.
``bxb`` is that of the WFDB reference program, which puts atrial, nodal and supraventricular escape
beats under S. ``e``, ``j`` and ``n`` are all that differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgecnn.errors import UsageError

__all__ = ["CLASSES", "CLASS_MAPS", "CLASS_OF_SYMBOL", "class_map", "is_beat", "mapped_labels"]

#: AAMI classes: N any not below, S supraventricular ectopic, V ventricular ectopic, F fusion of the
#: two, Q paced or unclassifiable.
CLASSES = ("N", "S", "V", "F", "Q")


def _by_symbol(symbols_of: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {symbol: name for name, symbols in symbols_of.items() for symbol in symbols}


#: Class of each beat symbol in the ``literature`` map; a symbol that is no beat is not in it.
CLASS_OF_SYMBOL: Mapping[str, str] = _by_symbol(
    {"N": "NLRBejn", "S": "AaJS", "V": "VEr", "F": "F", "Q": "/fQ?"}
)

#: The maps by name.
CLASS_MAPS: Mapping[str, Mapping[str, str]] = {
    "literature": CLASS_OF_SYMBOL,
    "bxb": _by_symbol({"N": "NLRB", "S": "AaJSejn", "V": "VEr", "F": "F", "Q": "/fQ?"}),
}


def class_map(name: str) -> Mapping[str, str]:
    """Return a class map by its name.

    Raises
    ------
    UsageError
        No map of that name.

    Examples
    --------
    >>> class_map("literature")["e"], class_map("bxb")["e"]
    ('N', 'S')
    """
    if name not in CLASS_MAPS:
        raise UsageError(f"unknown class map: {name}", hint=f"one of {', '.join(CLASS_MAPS)}")
    return CLASS_MAPS[name]


def mapped_labels(labels: Sequence[str], name: str | None) -> tuple[str, ...]:
    """Return the class of each of a model's labels; without a map, the labels themselves.

    Parameters
    ----------
    labels : sequence of str
        Annotation symbols of beats, or AAMI's classes, which are symbols of their own classes.
    name : str or None
        Of a map: ``"literature"`` or ``"bxb"``.

    Raises
    ------
    UsageError
        No such map, or a label that is no annotation symbol of a beat.

    Examples
    --------
    >>> mapped_labels(("N", "L", "e", "A", "V"), "bxb")
    ('N', 'N', 'S', 'S', 'V')
    """
    if name is None:
        return tuple(labels)
    class_of = class_map(name)
    if unknown := [label for label in labels if label not in class_of]:
        raise UsageError(
            f"the model's label {unknown[0]!r} is no annotation symbol: no class map knows it",
            hint="leave the map out: the labels are the classes then",
        )
    return tuple(class_of[label] for label in labels)


def is_beat(symbol: str) -> bool:
    """Say whether an annotation symbol marks a beat (and no rhythm change, noise or wave)."""
    return symbol in CLASS_OF_SYMBOL
