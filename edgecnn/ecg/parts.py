"""What one record came to, in one file: written whole, merged into the tables at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import is_beat
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beats import beat_peaks
from edgecnn.ecg.ectopy import Ectopy, ectopy_of
from edgecnn.ecg.episodes import Episode, Rhythm
from edgecnn.ecg.heart_rate import (
    HeartRate,
    Variability,
    heart_rate,
    rr_intervals_s,
    variability,
)
from edgecnn.ecg.quality import LeadQuality
from edgecnn.ecg.scored_record import UNCLASSIFIED, ScoredRecord
from edgecnn.ecg.strips import Strip
from edgecnn.files import write_scratch

__all__ = ["ANNOTATOR", "Part", "RecordScore", "make_part", "read_part", "write_part"]

#: Name of the annotator that edgecnn writes as.
ANNOTATOR = "edge"

_PVC = "V"
_NORMAL = "N"


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
    variability : Variability
        Of the intervals between beats of class N.
    ectopy : dict
        Of each ectopic class that the model knows: :class:`~edgecnn.ecg.ectopy.Ectopy`.
    flat_s, saturated_s, noise_s, gaps_s : float
        Seconds without movement, at the end of the converter's range, in which no beat can be told
        from noise, and without a signal. Rate, variability and ectopy leave the noise out.
    rhythm : Rhythm or None
        Its rhythms in sum; None where no rhythm model ran.
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
    variability: Variability = field(default_factory=lambda: Variability(None, None, 0))
    ectopy: dict[str, Ectopy] = field(default_factory=dict)
    flat_s: float = 0.0
    saturated_s: float = 0.0
    noise_s: float = 0.0
    gaps_s: float = 0.0
    rhythm: Rhythm | None = None

    @property
    def samples(self) -> NDArray[np.int64]:
        """R peaks, shape ``(beats,)``, read from the annotation file."""
        stored = read_annotations(Path(self.annotations).with_suffix(""), ANNOTATOR)
        return beat_peaks(stored.samples, stored.symbols)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class of each beat, read from the annotation file."""
        stored = read_annotations(Path(self.annotations).with_suffix(""), ANNOTATOR)
        # A class that no annotation code stands for is kept as text.
        return tuple(
            text.rstrip("\0") or symbol
            for text, symbol in zip(stored.aux, stored.symbols, strict=True)
            if is_beat(symbol)
        )


@dataclass(frozen=True)
class Part:
    """All that the tables and the report need of one record.

    Attributes
    ----------
    score : RecordScore
    names : tuple of str
        Classes, the last one for beats without an answer.
    symbols_by_class : tuple of str
        Annotation symbol of each class.
    packed : tuple of bytes
        Arrays of the beats: :attr:`samples`, :attr:`class_indices`, :attr:`scores`,
        :attr:`intervals_s`.
    strips : list of Strip
    episodes : tuple of Episode
        Of the rhythm, if a rhythm model ran.
    figures : str
        The record's figures for a page, once they are drawn.
    rows : bytes
        The record's rows of the table of beats, once they are written.
    """

    score: RecordScore
    names: tuple[str, ...]
    symbols_by_class: tuple[str, ...]
    packed: tuple[bytes, bytes, bytes, bytes]
    strips: list[Strip]
    episodes: tuple[Episode, ...] = ()
    figures: str = ""
    rows: bytes = b""

    @property
    def samples(self) -> NDArray[np.int64]:
        """R peaks, shape ``(beats,)``."""
        return np.frombuffer(self.packed[0], dtype="<i8")

    @property
    def class_indices(self) -> NDArray[np.int8]:
        """Places in ``names``, shape ``(beats,)``; -1 is the last one."""
        return np.frombuffer(self.packed[1], dtype="<i1")

    @property
    def scores(self) -> NDArray[np.float32]:
        """The winning classes' scores, shape ``(beats,)``; NaN without an answer."""
        return np.frombuffer(self.packed[2], dtype="<f4")

    @property
    def intervals_s(self) -> NDArray[np.float64]:
        """Time from each beat to the next, shape ``(beats - 1,)``; NaN over a gap."""
        return np.frombuffer(self.packed[3], dtype="<f8")

    @property
    def classes(self) -> list[str]:
        """Class of each beat."""
        return [self.names[index] for index in self.class_indices.tolist()]

    @property
    def symbols(self) -> list[str]:
        """Annotation symbol of each beat."""
        return [self.symbols_by_class[index] for index in self.class_indices.tolist()]


def make_part(
    record: str,
    annotations: Path,
    scored: ScoredRecord,
    symbols: tuple[str, ...],
    strips: list[Strip],
    *,
    quality: LeadQuality | None = None,
    episodes: tuple[Episode, ...] = (),
    rhythm: Rhythm | None = None,
) -> Part:
    """Sum a scored record up.

    Parameters
    ----------
    record : str
        Its unique name.
    annotations : Path
        Where its annotation file lies.
    symbols : tuple of str
        Annotation symbol of each of the model's classes, then of a beat without an answer.
    strips : list of Strip
    quality : LeadQuality, optional
        What is known of the signal.
    episodes : tuple of Episode
    rhythm : Rhythm, optional
        The episodes in sum, if a rhythm model ran.
    """
    rate = scored.sampling_rate_hz
    intervals = rr_intervals_s(scored.samples, rate, scored.gaps)
    counts = scored.counts
    names = (*scored.labels, UNCLASSIFIED)
    quality = LeadQuality(0.0, 0.0, ()) if quality is None else quality
    places, sure = quality.doubtful.left_out(scored.samples, scored.places, intervals)
    noise = quality.doubtful.hiding
    normal = np.zeros(len(scored), dtype=bool)
    if _NORMAL in scored.labels:
        normal = places == scored.labels.index(_NORMAL)
    ectopy = ectopy_of(places, scored.labels, sure)
    return Part(
        score=RecordScore(
            record=record,
            path=str(scored.path),
            annotations=str(annotations),
            duration_s=scored.duration_s,
            sampling_rate_hz=rate,
            lead=scored.lead,
            beats=len(scored),
            counts=counts,
            heart_rate_bpm=heart_rate(sure),
            pvc_burden_percent=ectopy[_PVC].burden_percent if _PVC in ectopy else None,
            notes=scored.notes,
            remarks=quality.remarks,
            variability=variability(sure, normal),
            ectopy=ectopy,
            flat_s=quality.flat_s,
            saturated_s=quality.saturated_s,
            noise_s=float((noise[:, 1] - noise[:, 0]).sum() / rate),
            gaps_s=float((scored.gaps[:, 1] - scored.gaps[:, 0]).sum() / rate),
            rhythm=rhythm,
        ),
        names=names,
        symbols_by_class=symbols,
        packed=(
            scored.samples.astype("<i8").tobytes(),
            scored.class_indices.astype("<i1").tobytes(),
            scored.scores.astype("<f4").tobytes(),
            intervals.astype("<f8").tobytes(),
        ),
        strips=strips,
        episodes=episodes,
    )


def write_part(path: Path, part: Part) -> None:
    """Write a part, whole or not at all."""
    write_scratch(path, msgspec.msgpack.encode(part))


def read_part(path: Path) -> Part:
    """Read a part that :func:`write_part` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Part)
