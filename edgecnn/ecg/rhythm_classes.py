"""The 17 classes of ten-second fragments, and the rule that names a fragment's class.

The classes are those of Yıldırım, Pławiak, Tan, Acharya 2018
(doi:10.1016/j.compbiomed.2018.09.009), who took 1,000 fragments out of MIT-BIH by hand. This is a
rule that anyone can run on any record with beat and rhythm annotations; docs/rhythm.md tells it in
words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "FRAGMENT_S",
    "RHYTHM_LABELS",
    "RHYTHM_TITLES",
    "fragment_class",
    "is_af",
    "rhythm_text",
]

#: Length of a fragment, in seconds.
FRAGMENT_S = 10.0

#: Label of each class, and what it is.
RHYTHM_TITLES: Mapping[str, str] = {
    "NSR": "normal sinus rhythm",
    "APB": "atrial premature beats",
    "AFL": "atrial flutter",
    "AFIB": "atrial fibrillation",
    "SVTA": "supraventricular tachyarrhythmia",
    "PREX": "pre-excitation (WPW)",
    "PVC": "premature ventricular contractions",
    "B": "ventricular bigeminy",
    "T": "ventricular trigeminy",
    "VT": "ventricular tachycardia",
    "IVR": "idioventricular rhythm",
    "VFL": "ventricular flutter",
    "F": "fusion of ventricular and normal beats",
    "LBBB": "left bundle branch block",
    "RBBB": "right bundle branch block",
    "BII": "second-degree heart block",
    "P": "paced rhythm",
}
RHYTHM_LABELS = tuple(RHYTHM_TITLES)

#: What models call atrial fibrillation: MIT-BIH, others, SNOMED CT.
_AF = frozenset(("afib", "af", "atrial fibrillation", "164889003"))
#: How WFDB's rhythm annotations name what models name otherwise.
_TEXTS = {"NSR": "N", "unknown": "U"}

#: Rhythms that come in bursts of a few beats: this much of one names the fragment.
_BURSTS = ("VFL", "VT", "SVTA", "IVR")
_BURST_S = 1.0
#: Rhythms that name a fragment when they fill at least half of it.
_LASTING = ("AFIB", "AFL", "B", "T", "PREX", "BII", "P")
#: Rhythms in which the beats name the fragment.
_SINUS = ("N", "SBR")

_ATRIAL, _VENTRICULAR, _FUSION = frozenset("AaJS"), frozenset("V"), frozenset("F")
_CONDUCTED: Mapping[str, frozenset[str]] = {
    "NSR": frozenset("Nejn"),
    "LBBB": frozenset("L"),
    "RBBB": frozenset("R"),
}


def fragment_class(seconds: Mapping[str, float], beats: Sequence[str]) -> str | None:
    """Name the class of a ten-second fragment.

    Parameters
    ----------
    seconds : mapping of str to float
        How long each annotated rhythm lasts in it, by MIT-BIH's name without ``(``.
    beats : sequence of str
        Annotation symbols of its beats.

    Returns
    -------
    str or None
        One of :data:`RHYTHM_LABELS`; None where the annotations do not name one class.

    Notes
    -----
    In this order: a burst of ventricular flutter, ventricular or supraventricular tachycardia or
    idioventricular rhythm of a second or more; a rhythm that fills half of the fragment or more;
    and, where all of it is sinus rhythm, its ectopic beats if they are of one kind (fusion beats
    beside fewer ventricular ones are fusion), or else the conduction that all of its beats share.

    Examples
    --------
    >>> fragment_class({"N": 10.0}, "NNNNANNNNN")
    'APB'
    >>> fragment_class({"N": 8.5, "VT": 1.5}, "NNNNVVVVNN")
    'VT'
    >>> fragment_class({"N": 7.0, "AFIB": 3.0}, "NNNNNNNNNN") is None
    True
    """
    for rhythm in _BURSTS:
        if seconds.get(rhythm, 0.0) >= _BURST_S:
            return rhythm
    for rhythm in _LASTING:
        if seconds.get(rhythm, 0.0) >= FRAGMENT_S / 2:
            return rhythm
    if not beats or any(name not in _SINUS for name, lasts in seconds.items() if lasts > 0):
        return None
    return _by_beats(beats)


def _by_beats(beats: Sequence[str]) -> str | None:
    kinds = set(beats)
    known = _ATRIAL | _VENTRICULAR | _FUSION | frozenset().union(*_CONDUCTED.values())
    if kinds - known:
        return None
    atrial, ventricular, fusion = (
        sum(beat in kind for beat in beats) for kind in (_ATRIAL, _VENTRICULAR, _FUSION)
    )
    if atrial:
        return None if ventricular or fusion else "APB"
    if fusion:
        return "F" if fusion >= ventricular else None
    if ventricular:
        return "PVC"
    return next((name for name, kind in _CONDUCTED.items() if kinds <= kind), None)


def is_af(label: str) -> bool:
    """Say whether a label means atrial fibrillation.

    Examples
    --------
    >>> [is_af(label) for label in ("AFIB", "AF", "Atrial_fibrillation", "AFL")]
    [True, True, True, False]
    """
    return label.casefold().replace("_", " ") in _AF


def rhythm_text(labels: Sequence[str]) -> str:
    """Return the text of a rhythm annotation (``+``), as MIT-BIH has it.

    Parameters
    ----------
    labels : sequence of str
        What begins; several only of a model that finds several at once.

    Examples
    --------
    >>> rhythm_text(["AF"]), rhythm_text(["NSR"]), rhythm_text(["unknown"])
    ('(AFIB', '(N', '(U')
    """
    return "(" + "+".join("AFIB" if is_af(label) else _TEXTS.get(label, label) for label in labels)
