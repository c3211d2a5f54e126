"""What a calibration saw, kept between runs: a killed one goes on, a repeated one is read."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.observation import Observation
from edgecnn.calibration.observe import Batches, observe
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import EdgeCNNError
from edgecnn.files import write_bytes

__all__ = ["CalibrationCache", "cache_key", "observe_cached"]

#: Most that is kept; what was used longest ago goes first.
_LIMIT_BYTES = 256 * 2**20


def cache_key(
    model_sha256: str,
    data: DatasetInfo,
    chosen: NDArray[np.integer],
    *,
    histograms: bool,
    batch: int,
) -> str:
    """Hash everything that what is seen depends on.

    The preprocessing is in the model's hash, the method of choosing ranges is not in it at all:
    ranges are chosen from what was seen.

    Parameters
    ----------
    model_sha256 : str
        Of the FP32 model, weights included.
    data : DatasetInfo
    chosen : ndarray of int
        The examples, in their order.
    histograms : bool
    batch : int
        Examples at a time.
    """
    parts = (
        model_sha256,
        f"{data.name}:{data.split}",
        data.sha256,
        hashlib.sha256(np.asarray(chosen, "<i8").tobytes()).hexdigest(),
        f"histograms {histograms}, batch {batch}",
        *(f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "edgecnn")),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class CalibrationCache:
    """One calibration's place among those that are kept.

    Parameters
    ----------
    key : str
        From :func:`cache_key`.
    folder : Path
    every_s : float
        Seconds between two savings: what a killed process loses.

    Attributes
    ----------
    path : Path
    found : int
        Samples that were read from it.
    """

    def __init__(self, key: str, folder: Path, *, every_s: float = 5.0) -> None:
        self.path = folder / f"{key}.npz"
        self.found = 0
        self._obstacle = ""
        self._every_s = every_s
        self._saved = time.monotonic()

    def load(self, names: Sequence[str], *, histograms: bool) -> Observation | None:
        """Return what is kept, or None: there is nothing, or it is damaged."""
        try:
            content = self.path.read_bytes()
            known = Observation.from_bytes(content, names, histograms=histograms)
        except (OSError, ValueError):
            return None
        self.found = known.samples
        with contextlib.suppress(OSError):
            self.path.touch()
        return known

    def save(self, seen: Observation, *, last: bool = False) -> None:
        """Keep what was seen so far, unless that was done a moment ago.

        Keeping it only saves time: a full disk or a folder of someone else's is no obstacle.
        """
        if not last and time.monotonic() - self._saved < self._every_s:
            return
        try:
            write_bytes(self.path, seen.to_bytes())
            self._obstacle = ""
        except EdgeCNNError as error:
            self._obstacle = error.message
        self._saved = time.monotonic()
        if last:
            self._clear()

    def describe(self, samples: int) -> str:
        """Say what came from it, for a person who wonders why it went so fast."""
        if self.found >= samples:
            return f"calibration of {self.found} samples read from {self.path}"
        if self.found:
            said = f"calibration taken up after {self.found} of {samples} samples: {self.path}"
            return f"{said}; {self._obstacle}" if self._obstacle else said
        if self._obstacle:
            return f"calibration was not kept: {self._obstacle}"
        return f"calibration kept in {self.path}"

    def _clear(self) -> None:
        """Keep what is kept within its limit."""
        with contextlib.suppress(OSError):
            kept = [(file.stat(), file) for file in self.path.parent.glob("*.npz")]
            total = 0
            for status, file in sorted(
                kept, key=lambda entry: (entry[1] != self.path, -entry[0].st_mtime)
            ):
                total += status.st_size
                if total > _LIMIT_BYTES and file != self.path:
                    file.unlink(missing_ok=True)


def observe_cached(
    model: onnx.ModelProto,
    batches: Batches,
    names: Sequence[str],
    *,
    histograms: bool,
    samples: int,
    cache: CalibrationCache | None,
) -> Observation:
    """Observe a calibration set, or what of it has not been observed yet.

    Parameters
    ----------
    model, batches, names, histograms
        As :func:`edgecnn.calibration.observe.observe` takes them.
    samples : int
        In the whole set.
    cache : CalibrationCache or None
    """
    known = cache.load(names, histograms=histograms) if cache is not None else None
    if known is not None and known.samples >= samples:
        return known
    seen = observe(
        model,
        batches,
        names,
        histograms=histograms,
        known=known,
        after_batch=cache.save if cache is not None else None,
    )
    if cache is not None:
        cache.save(seen, last=True)
    return seen
