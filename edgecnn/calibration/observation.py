"""What a calibration set showed of every observed tensor, and how it is stored."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.estimators.moving_average import MOVING
from edgecnn.calibration.histogram import Histogram
from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["Observation"]

#: Changes when what is stored does.
_LAYOUT = 1


class Observation:
    """Extremes, and histograms where they are wanted, of tensors over the samples so far.

    Every other sample is counted apart, so that half of them can be told from all. Its size does
    not depend on the number of samples.

    Parameters
    ----------
    names : sequence of str
        The tensors.
    histograms : bool
        Whether values are counted.

    Attributes
    ----------
    samples, batches : int
        So far.
    """

    def __init__(self, names: Sequence[str], *, histograms: bool) -> None:
        self.names = tuple(names)
        self.samples = self.batches = 0
        self.lows = np.full((2, len(self.names)), np.inf)
        self.highs = np.full((2, len(self.names)), -np.inf)
        self._batch = np.array(
            [np.full(len(self.names), np.inf), np.full(len(self.names), -np.inf)]
        )
        self._averaged = np.zeros((2, len(self.names)))
        self._histograms = (
            [[Histogram() for _ in self.names] for _ in range(2)] if histograms else None
        )
        self._number = {name: i for i, name in enumerate(self.names)}

    @property
    def has_histograms(self) -> bool:
        """Whether values are counted."""
        return self._histograms is not None

    def add_sample(self, values: Iterable[NDArray[np.float32]]) -> None:
        """Take one sample's tensors in, in the order of ``names``.

        Raises
        ------
        ValueError
            One of them holds a value that is not finite; the text is its name.
        """
        half = self.samples % 2
        for number, tensor in enumerate(values):
            # NumPy's extremes pass NaN on. ONNX Runtime's ReduceMin may step over it.
            low, high = float(tensor.min()), float(tensor.max())
            if not np.isfinite(high - low):
                raise ValueError(self.names[number])
            self._batch[0, number] = min(self._batch[0, number], low)
            self._batch[1, number] = max(self._batch[1, number], high)
            self.lows[half, number] = min(self.lows[half, number], low)
            self.highs[half, number] = max(self.highs[half, number], high)
            if self._histograms is not None:
                self._histograms[half][number].add(tensor)
        self.samples += 1

    def end_batch(self) -> None:
        """Average the extremes of the samples since the last call."""
        if self.batches:
            self._averaged += MOVING * (self._batch - self._averaged)
        else:
            self._averaged = self._batch.copy()
        self._batch[0], self._batch[1] = np.inf, -np.inf
        self.batches += 1

    def of(self, name: str, *, half: bool = False) -> TensorValues:
        """Return what was seen of a tensor: by all samples, or by every other one."""
        number = self._number[name]
        halves = (0,) if half else (0, 1)
        histogram = None
        if self._histograms is not None:
            histogram = Histogram()
            for one in halves:
                histogram.merge(self._histograms[one][number])
        return TensorValues(
            seen=Range(
                float(min(self.lows[one, number] for one in halves)),
                float(max(self.highs[one, number] for one in halves)),
            ),
            averaged=Range(*(float(v) for v in self._averaged[:, number])),
            histogram=histogram,
        )

    def to_bytes(self) -> bytes:
        """Return everything as a NumPy archive; to be called between batches."""
        arrays: dict[str, NDArray[np.generic]] = {
            "layout": np.array(_LAYOUT),
            "names": np.array(self.names),
            "counters": np.array([self.samples, self.batches]),
            "lows": self.lows,
            "highs": self.highs,
            "averaged": self._averaged,
        }
        if self._histograms is not None:
            every = [histogram for half in self._histograms for histogram in half]
            counts = [histogram.bins()[1] for histogram in every]
            arrays["exponents"] = np.array([histogram.exponent for histogram in every])
            arrays["sizes"] = np.array([len(one) for one in counts])
            joined = np.concatenate([*counts, np.zeros(0, np.int64)])
            # Half the size, as long as no bin holds more than 32 bits can say.
            is_small = not joined.size or int(joined.max()) < 1 << 32
            arrays["counts"] = joined.astype(np.uint32) if is_small else joined
        file = io.BytesIO()
        np.savez(file, **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, names: Sequence[str], *, histograms: bool) -> Observation:
        """Read what :meth:`to_bytes` gave.

        Raises
        ------
        ValueError
            It is damaged, or of other tensors.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            new = cls(names, histograms=histograms)
            if int(arrays["layout"]) != _LAYOUT or tuple(arrays["names"].tolist()) != new.names:
                raise ValueError("an observation of something else")
            new.samples, new.batches = (int(number) for number in arrays["counters"])
            for key, own in (("lows", new.lows), ("highs", new.highs), ("averaged", new._averaged)):
                own[...] = arrays[key]
            if new._histograms is not None:
                stops = np.cumsum(arrays["sizes"])
                parts = np.split(arrays["counts"], stops[:-1])
                for place, (exponent, part) in enumerate(
                    zip(arrays["exponents"], parts, strict=True)
                ):
                    half, number = divmod(place, len(new.names))
                    low, high = float(new.lows[half, number]), float(new.highs[half, number])
                    new._histograms[half][number] = Histogram.restored(
                        int(exponent), low, high, part
                    )
        except (KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"a damaged observation: {error}") from error
        return new
