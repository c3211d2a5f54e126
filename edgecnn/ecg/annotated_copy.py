"""A scored record's annotation file, with what a viewer needs to open it.

Viewers look for header and signal files beside the annotations. A WFDB record's header is copied
and its signal files are linked; of any other file, the lead that was scored is written as a WFDB
record of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import is_beat
from edgecnn.ecg.annotations import annotation_path, write_annotations
from edgecnn.ecg.episodes import Episode
from edgecnn.ecg.gaps import credible_mv
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.parts import ANNOTATOR
from edgecnn.ecg.readers.wfdb_header import parse_header
from edgecnn.ecg.rhythm_classes import rhythm_text
from edgecnn.ecg.scored_record import UNCLASSIFIED, ScoredRecord
from edgecnn.files import atomic_path, write_scratch

__all__ = ["remove_annotated_copies", "symbols_of", "write_annotated_copy"]

#: Steps per mV: one step is a microvolt, the finest that preprocessing tells apart.
_FINEST_GAIN = 1000.0
_LARGEST_STEP = 32_767
_MISSING_STEP = -32_768
#: Symbol of a rhythm annotation.
_CHANGE = "+"
_WRITTEN = "# written by edgecnn from "


def symbols_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the annotation symbol of each class, and last that of a beat without an answer.

    A class without a symbol of its own is ``Q``.
    """
    symbols = [name if is_beat(name) else UNCLASSIFIED for name in labels]
    return (*symbols, UNCLASSIFIED)


def write_annotated_copy(
    base: Path,
    scored: ScoredRecord,
    symbols: tuple[str, ...],
    signal: LeadSignal,
    *,
    episodes: Sequence[Episode] = (),
) -> Path:
    """Write ``base.edge``, and ``base.hea`` with its signal beside it.

    Parameters
    ----------
    base : Path
        Path of the new record without a suffix.
    scored : ScoredRecord
    symbols : tuple of str
        From :func:`symbols_of`.
    signal : LeadSignal
        The lead that was scored.
    episodes : sequence of Episode
        Of the rhythm: where one begins or ends, a ``+`` annotation names what goes on from there.

    Returns
    -------
    Path
        The annotation file.
    """
    indices = scored.class_indices.tolist()
    aux = None
    texts = [
        name if name != symbol else ""
        for name, symbol in zip((*scored.labels, UNCLASSIFIED), symbols, strict=True)
    ]
    if any(texts):
        aux = [texts[index] for index in indices]
    samples, marks = scored.samples, [symbols[index] for index in indices]
    if changes := _rhythm_changes(episodes):
        samples, marks, aux = _with_changes(samples, marks, aux or [""] * len(marks), changes)
    path = annotation_path(base, ANNOTATOR)
    write_annotations(
        path,
        samples,
        marks,
        aux=aux,
        sampling_rate_hz=scored.sampling_rate_hz,
        is_durable=False,
    )
    if scored.path.suffix == ".hea":
        _copy_header(base, scored.path)
    else:
        _write_signal(base, scored, signal)
    return path


def _rhythm_changes(episodes: Sequence[Episode]) -> list[tuple[int, str]]:
    """Return where the rhythm changes, and the text that names it from there on."""
    edges = sorted({edge for episode in episodes for edge in (episode.start, episode.stop)})
    changes, here, ahead = [], list[Episode](), iter(episodes)
    following = next(ahead, None)
    for edge in edges[:-1]:
        here = [episode for episode in here if episode.stop > edge]
        while following is not None and following.start <= edge:
            here.append(following)
            following = next(ahead, None)
        changes.append((edge, rhythm_text([episode.label for episode in here])))
    return changes


def _with_changes(
    samples: NDArray[np.int64],
    symbols: list[str],
    aux: list[str],
    changes: list[tuple[int, str]],
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Insert rhythm changes between beats, before one at the same sample."""
    at = np.array([sample for sample, _ in changes], dtype=np.int64)
    places = np.searchsorted(samples, at)
    marks, texts, done = list[str](), list[str](), 0
    for place, (_, text) in zip(places.tolist(), changes, strict=True):
        marks += [*symbols[done:place], _CHANGE]
        texts += [*aux[done:place], text]
        done = place
    both = np.insert(samples, places, at)
    return both, marks + symbols[done:], texts + aux[done:]


def remove_annotated_copies(folder: Path, kept: Iterable[Path]) -> None:
    """Remove all annotation files under a folder but some, and the headers and signals with them.

    A header or signal that :func:`write_annotated_copy` did not make stays.

    Parameters
    ----------
    folder : Path
    kept : iterable of Path
        Annotation files of the records that there are.
    """
    wanted = {path.resolve() for path in kept}
    for path in sorted(folder.rglob(f"*.{ANNOTATOR}")):
        if path.parent.resolve() / path.name in wanted:
            continue
        path.unlink()
        header, signal = path.with_suffix(".hea"), path.with_suffix(".dat")
        if header.is_file() and (signal.is_symlink() or _WRITTEN.encode() in header.read_bytes()):
            header.unlink()
            signal.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Others may lie there.
            if path.parent != folder:
                path.parent.rmdir()


def _copy_header(base: Path, header: Path) -> None:
    write_scratch(base.with_name(base.name + ".hea"), header.read_bytes())
    for name in {signal.file for signal in parse_header(header).signals}:
        # Odd as it is, a header can name these; the files just written must stay.
        if Path(name).suffix in (".hea", f".{ANNOTATOR}"):
            continue
        link, source = base.with_name(name), header.with_name(name).resolve()
        if link.resolve() == source:
            continue
        # Where links cannot be made, annotations are still read by name.
        with contextlib.suppress(OSError):
            link.unlink(missing_ok=True)
            link.symlink_to(source)


def _write_signal(base: Path, scored: ScoredRecord, signal: LeadSignal) -> None:
    """Write one lead in format 16, piece by piece."""
    low, high = np.inf, -np.inf
    for piece in _credible(signal):
        low = min(low, float(np.fmin.reduce(piece)))
        high = max(high, float(np.fmax.reduce(piece)))
    baseline = round((low + high) / 2, 3)
    gain = min(_FINEST_GAIN, _LARGEST_STEP / max(high - baseline, baseline - low, 1e-9))
    # Less by what four digits may round up, or the highest samples would be clipped.
    gain = float(f"{gain * 0.9995:.4g}") if gain < _FINEST_GAIN else gain
    first, total = None, 0
    signal_file = base.with_name(base.name + ".dat")
    with atomic_path(signal_file, is_durable=False) as temporary, temporary.open("wb") as file:
        for piece in _credible(signal):
            valid = np.isfinite(piece)
            scaled = np.rint((np.where(valid, piece, baseline) - baseline) * gain)
            steps = np.clip(scaled, -_LARGEST_STEP, _LARGEST_STEP).astype("<i2")
            steps[~valid] = _MISSING_STEP
            first = int(steps[0]) if first is None else first
            total += int(steps.sum(dtype=np.int64))
            file.write(steps.tobytes())
    zero = round(-baseline * gain)
    checksum = int(np.array(total).astype(np.int16))
    header = (
        f"{base.name} 1 {scored.sampling_rate_hz:.10g} {len(signal)}\n"
        f"{base.name}.dat 16 {gain:g}({zero})/mV 16 0 {first or 0} {checksum} 0 "
        f"{scored.lead or 'ECG'}\n"
        f"{_WRITTEN}{scored.path.name}\n"
    )
    write_scratch(base.with_name(base.name + ".hea"), header.encode())


def _credible(signal: LeadSignal) -> Iterator[NDArray[np.floating]]:
    return map(credible_mv, signal.chunks())
