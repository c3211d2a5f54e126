"""What one record came to, in one file: written whole, merged into the tables at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beats import UNCLASSIFIED, ScoredRecord
from edgecnn.ecg.heart_rate import HeartRate, heart_rate, rr_intervals_s
from edgecnn.ecg.strips import Strip
from edgecnn.files import write_bytes

__all__ = ["ANNOTATOR", "Part", "RecordScore", "make_part", "read_part", "write_part"]

#: Name of the annotator that edgecnn writes as.
ANNOTATOR = "edge"

_PVC = "V"


@dataclass(frozen=True)
class RecordScore:
    """A row of the table of records; the beats themselves stay on disk.

    Attributes
    ----------
    record : str
        Its name, unique among those that were scored together.
    path : str
        The file that was read.
    annotations : str
        The annotation file that was written.
    duration_s, sampling_rate_hz : float
    lead : str
        As the record names it.
    beats : int
    counts : dict
        Beats by class; ``"Q"`` for those that were not classified.
    heart_rate_bpm : HeartRate or None
    pvc_burden_percent : float or None
        Share of V among the classified beats; None if there are none, or the model knows no V.
    notes : tuple of str
    remarks : tuple of str
        What looks wrong with the recording (:mod:`edgecnn.ecg.quality`).
    """

    record: str
    path: str
    annotations: str
    duration_s: float
    sampling_rate_hz: float
    lead: str
    beats: int
    counts: dict[str, int]
    heart_rate_bpm: HeartRate | None
    pvc_burden_percent: float | None
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def samples(self) -> NDArray[np.int64]:
        """R peaks, shape ``(beats,)``, read from the annotation file."""
        return read_annotations(Path(self.annotations).with_suffix(""), ANNOTATOR).samples

    @property
    def classes(self) -> tuple[str, ...]:
        """Class of each beat, read from the annotation file."""
        stored = read_annotations(Path(self.annotations).with_suffix(""), ANNOTATOR)
        # A class that no annotation code stands for is kept as text.
        return tuple(
            text.rstrip("\0") or symbol
            for text, symbol in zip(stored.aux, stored.symbols, strict=True)
        )


@dataclass(frozen=True)
class Part:
    """All that the tables and the report need of one record.

    Attributes
    ----------
    score : RecordScore
    samples, scores, classes : list
        Of each beat: R peak, the winning class's score (None without an answer), class.
    symbols : list of str
        Annotation symbols.
    intervals_s : list of (float or None)
        Time from each beat to the next; None over a gap.
    strips : list of Strip
    """

    score: RecordScore
    samples: list[int]
    scores: list[float | None]
    classes: list[str]
    symbols: list[str]
    intervals_s: list[float | None]
    strips: list[Strip]


def make_part(
    record: str,
    annotations: Path,
    scored: ScoredRecord,
    symbols: list[str],
    strips: list[Strip],
    *,
    remarks: tuple[str, ...] = (),
) -> Part:
    """Sum a scored record up.

    Parameters
    ----------
    record : str
        Its unique name.
    annotations : Path
        Where its annotation file lies.
    symbols : list of str
        Annotation symbol of each beat.
    remarks : tuple of str
        What looks wrong with the recording.
    """
    intervals = rr_intervals_s(scored.samples, scored.sampling_rate_hz, scored.gaps)
    counts = scored.counts
    classified = len(scored) - counts[UNCLASSIFIED]
    burden = None
    if _PVC in counts and classified:
        burden = 100 * counts[_PVC] / classified
    return Part(
        score=RecordScore(
            record=record,
            path=str(scored.path),
            annotations=str(annotations),
            duration_s=scored.duration_s,
            sampling_rate_hz=scored.sampling_rate_hz,
            lead=scored.lead,
            beats=len(scored),
            counts=counts,
            heart_rate_bpm=heart_rate(intervals),
            pvc_burden_percent=burden,
            notes=scored.notes,
            remarks=remarks,
        ),
        samples=scored.samples.tolist(),
        scores=_plain(scored.scores),
        classes=list(scored.classes),
        symbols=symbols,
        intervals_s=_plain(intervals),
        strips=strips,
    )


def write_part(path: Path, part: Part) -> None:
    """Write a part, whole or not at all."""
    write_bytes(path, msgspec.msgpack.encode(part))


def read_part(path: Path) -> Part:
    """Read a part that :func:`write_part` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Part)


def _plain(values: NDArray[np.floating]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
