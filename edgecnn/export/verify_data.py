"""Raw inputs that the user names for a comparison: a dataset, a folder, or single files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.data import open_dataset
from edgecnn.data.arrays import combined_sha256
from edgecnn.data.dataset import Dataset, DatasetInfo
from edgecnn.errors import DataError, MissingFileError
from edgecnn.export.samples import Samples, dataset_samples
from edgecnn.files import sha256_of
from edgecnn.metadata import BeatInput, DatasetUse, ImageInput, InputSpec, ModelMetadata, reads
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["named_samples"]

_ARRAYS = (".npy", ".npz")


def named_samples(
    named: Sequence[str | os.PathLike[str]],
    metadata: ModelMetadata,
    *,
    limit: int = 256,
    seed: int = 0,
) -> Samples:
    """Preprocess what was named, by the contract.

    Parameters
    ----------
    named : sequence of str or path
        One dataset (``mnist:test``) or folder, as :func:`edgecnn.data.open_dataset` takes it. Or
        files: pictures; ECG records, whose beats are found as a device finds them; ``.npz`` with an
        array per input, or ``.npy`` of the only one, preprocessed already.
    metadata : ModelMetadata
    limit : int
        How many examples are drawn at most.
    seed : int

    Raises
    ------
    MissingFileError
        No such dataset, folder or file.
    DataError
        Nothing in it, or not what the network reads.
    """
    texts = [os.fspath(one) for one in named]
    paths = [Path(text) for text in texts]
    if all(path.suffix.lower() in _ARRAYS for path in paths):
        return _arrays(paths, metadata, limit)
    spec = metadata.input
    # A record may be named without its suffix.
    if isinstance(spec, BeatInput) and not paths[0].is_dir() and ":" not in texts[0]:
        records = _Records(paths, spec)
        return dataset_samples(records, metadata, limit=limit, seed=seed)
    if len(paths) == 1 and not (isinstance(spec, ImageInput) and paths[0].is_file()):
        return dataset_samples(open_dataset(texts[0]), metadata, limit=limit, seed=seed)
    if not isinstance(spec, ImageInput):
        raise DataError(
            f"several files to compare on, but the model reads {reads(spec)}",
            hint="name one dataset or folder",
        )
    return dataset_samples(_pictures(paths), metadata, limit=limit, seed=seed)


def _pictures(paths: Sequence[Path]) -> Dataset:
    from edgecnn.data.folder import PictureFolder

    return PictureFolder(_info(paths), tuple(paths), None)


class _Records:
    """Beats of ECG records without annotations, found as in scoring."""

    targets: NDArray[np.int64] | None = None
    groups: NDArray[np.str_] | None = None

    def __init__(self, paths: Sequence[Path], spec: BeatInput) -> None:
        from edgecnn.ecg.readers import header_of

        self._paths = tuple(paths)
        self._spec = spec
        self._tensors = self._read(spec)
        files = [header_of(path) or path for path in paths]
        self.info = _info(files, names=paths)

    def __len__(self) -> int:
        return len(next(iter(self._tensors.values())))

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Preprocess beats; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        if not isinstance(spec, BeatInput):
            raise DataError(f"records hold heartbeats; the model reads {reads(spec)}")
        tensors = self._tensors if spec == self._spec else self._read(spec)
        if indices is None:
            return tensors
        return {name: values[indices] for name, values in tensors.items()}

    def _read(self, spec: BeatInput) -> Tensors:
        parts = [_beats_of(path, spec) for path in self._paths]
        return {name: np.concatenate([part[name] for part in parts]) for name in spec.tensors}


def _beats_of(path: Path, spec: BeatInput) -> Tensors:
    from edgecnn.ecg.conditioning import condition_lead
    from edgecnn.ecg.peaks import find_r_peaks
    from edgecnn.ecg.readers import read_record
    from edgecnn.preprocessing.beats import beat_inputs

    record = read_record(path, lead=spec.leads[0])
    signal = record.lead_mv(spec.leads[0])
    lead = condition_lead(signal, record.sampling_rate_hz, spec.sampling_rate_hz)
    peaks = find_r_peaks(lead.signal_uv, spec.sampling_rate_hz)
    if not len(peaks):
        raise DataError(f"{path}: no beats found", hint="name a record with an ECG in it")
    return beat_inputs(lead.signal_uv, peaks, spec)


def _arrays(paths: Sequence[Path], metadata: ModelMetadata, limit: int) -> Samples:
    parts = [_read_arrays(path, metadata.input) for path in paths]
    try:
        tensors = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    except (KeyError, ValueError) as error:
        raise DataError(f"the arrays do not fit each other: {error}") from error
    own = metadata.input.tensors
    if set(tensors) != set(own):
        raise DataError(
            f"{paths[0]} holds {', '.join(sorted(tensors))}; the network reads "
            f"{', '.join(sorted(own))}",
            hint="an .npz holds one array per input, by the inputs' names",
        )
    tensors = {name: values[:limit] for name, values in tensors.items()}
    info = _info(paths)
    count = len(next(iter(tensors.values())))
    use: DatasetUse = info.use("parity", count)
    return Samples(tensors, use.name, count, 0, use)


def _read_arrays(path: Path, spec: InputSpec) -> Mapping[str, NDArray[Any]]:
    if not path.is_file():
        raise MissingFileError(f"no such file: {path}")
    try:
        # Never a pickle: that would run its code.
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            named = {next(iter(spec.tensors)): loaded}
        else:
            with loaded:
                named = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        text = " ".join(str(error).split())[:160]
        raise DataError(f"{path} holds no arrays of numbers: {text}") from error
    return {
        # Whole numbers are texts; all else is what pictures and signals are made of.
        name: values.astype(np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32)
        for name, values in named.items()
    }


def _info(paths: Sequence[Path], *, names: Sequence[Path] | None = None) -> DatasetInfo:
    for path in paths:
        if not path.is_file():
            raise MissingFileError(f"no such file: {path}")
    named = names or paths
    rest = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return DatasetInfo(
        name=f"{named[0].name}{rest}",
        split="all",
        labels=(),
        sha256=combined_sha256(sha256_of(path) for path in paths),
        attribution="the user's own files",
        licence="not stated",
    )
