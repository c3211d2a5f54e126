"""Quantized graphs as open models, to be timed and asked before one of them is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import onnx

from edgecnn.calibration.forms import Forms
from edgecnn.calibration.frontier import Point
from edgecnn.calibration.latency import Comparison, compare_latency
from edgecnn.calibration.outcome import Outcome, points_lost
from edgecnn.export.embed import embed, serialized
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model, load_model

__all__ = ["Candidates", "Judge"]

#: Compares a model's answers with the FP32 file's.
Judge = Callable[[Model], Outcome]


class Candidates:
    """Opens graphs as the device opens the file: idle threads do not spin.

    Parameters
    ----------
    folder : Path
        For their files; the caller removes it.
    fp32 : Model
        What they are made of, opened the same way.
    sample : mapping of str to ndarray
        What is timed.
    threads : int, optional
    seconds : float
        For the timing of one pair.
    """

    def __init__(
        self, folder: Path, fp32: Model, sample: Tensors, *, threads: int | None, seconds: float
    ) -> None:
        self.fp32 = fp32
        self.sample = sample
        self._folder = folder
        self._threads = threads
        self._seconds = seconds
        self._numbers = itertools.count()

    def open(self, graph: onnx.ModelProto) -> Model:
        """Write a graph with the FP32 file's contract, and open it."""
        path = self._folder / f"candidate-{next(self._numbers)}.onnx"
        named = onnx.ModelProto()
        named.CopyFrom(graph)
        embed(named, self.fp32.metadata)
        path.write_bytes(serialized(named))
        try:
            return load_model(
                path, provider="cpu", threads=self._threads, check=False, spinning=False
            )
        finally:
            path.unlink()

    def race(self, one: Model, other: Model) -> Comparison:
        """Time two models in turns; above 1 the second is the faster one."""
        return compare_latency(
            lambda: one.run(self.sample), lambda: other.run(self.sample), seconds=self._seconds
        )

    def point(
        self,
        model: Model,
        outcome: Outcome,
        *,
        forms: Forms,
        kept: tuple[str, ...],
        size_bytes: int,
        bias_corrected: bool,
        fits: bool,
    ) -> Point:
        """Time a model that was judged, if this machine can tell how long it takes."""
        timed = self.race(self.fp32, model) if forms.is_timed else None
        back = forms.kept(kept)
        return Point(
            rest=forms.rest,
            kept_fp32=() if forms.rest == "4 bits" else back,
            kept_int8=back if forms.rest == "4 bits" else (),
            bias_corrected=bias_corrected,
            drop=points_lost(outcome),
            agreement=outcome.agreement,
            latency_ms=timed.second_ms[0] if timed else None,
            speedup=timed.speedup if timed else None,
            size_bytes=size_bytes,
            fits=fits,
        )
