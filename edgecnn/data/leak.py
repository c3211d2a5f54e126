"""Whether a test set holds what the training set holds: shared records, or copies of signals."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.ecg.record import Record
from edgecnn.errors import DataError

__all__ = ["Fingerprinted", "check_leak", "fingerprint", "leaks"]

#: Samples around each R peak that are compared, in seconds.
_AROUND_S = 0.1
#: Of the beats of a record, a share that no two different recordings have in common.
_SHARE = 0.02


@runtime_checkable
class Fingerprinted(Protocol):
    """A dataset of recordings that can be compared by content."""

    def fingerprints(self) -> dict[str, NDArray[np.uint64]]:
        """Return, by record, one number for each beat's samples."""
        ...


def fingerprint(record: Record, peaks: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a number for the samples around each beat, of all leads together.

    Parameters
    ----------
    record : Record
    peaks : ndarray of int64, shape (beats,)
        At the record's rate.

    Returns
    -------
    ndarray of uint64
        Sorted, each once. Beats at the ends and on flat lines have none.
    """
    reach = max(1, round(_AROUND_S * record.sampling_rate_hz))
    signal_uv = np.nan_to_num(record.signal_mv * 1000.0, nan=0.0, posinf=0.0, neginf=0.0)
    inside = peaks[(peaks >= reach) & (peaks < len(signal_uv) - reach)]
    windows = np.rint(signal_uv).astype(np.int64)[inside[:, None] + np.arange(-reach, reach)]
    flat = windows.reshape(len(inside), 2 * reach * signal_uv.shape[1])
    alive = flat.max(axis=1, initial=-1) > flat.min(axis=1, initial=1)
    # A sum with random weights, modulo 2**64: a hash of all beats in one go.
    weights = np.random.default_rng(0).integers(1, 2**63, flat.shape[1], dtype=np.uint64) | 1
    return np.unique(flat[alive].astype(np.uint64) @ weights)


def leaks(train: Dataset, test: Dataset) -> list[str]:
    """Say which records of a test set are in a training set too, by name or by content.

    Records are the same by name when both are of the same named dataset, and by content when they
    share more than 2 % of the samples around their beats. Groups that the test set declares as
    shared (:attr:`~edgecnn.data.dataset.DatasetInfo.shared`) are another recording of the same
    person: they are no leak here, and results are told without them too.

    Returns
    -------
    list of str
        A sentence each; empty when nothing is shared.
    """
    found = []
    if train.groups is not None and test.groups is not None and train.info.name == test.info.name:
        same = sorted(set(train.groups.tolist()) & set(test.groups.tolist()))
        if same:
            found.append(f"{', '.join(same)} in both {_name(train)} and {_name(test)}")
    if not found and isinstance(train, Fingerprinted) and isinstance(test, Fingerprinted):
        known = train.fingerprints()
        for name, beats in test.fingerprints().items():
            for other, others in known.items():
                common = len(np.intersect1d(beats, others, assume_unique=True))
                if common > _SHARE * min(len(beats), len(others)):
                    found.append(f"{name} of {_name(test)} is the signal of {other}")
    return found


def check_leak(train: Dataset, test: Dataset) -> None:
    """Refuse a test set that holds records of the training set.

    Raises
    ------
    DataError
        What is shared.
    """
    found = leaks(train, test)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise DataError(
            f"the test set holds what is trained on: {found[0]}{more}",
            hint="a figure measured on it would say nothing; take other records",
        )


def _name(dataset: Dataset) -> str:
    return f"{dataset.info.name}:{dataset.info.split}"
