"""What ten seconds of ECG cost with the network of Yıldırım et al. 2018, on one thread.

The network has the paper's full width and drawn weights: what a weight is does not change how long
a multiplication takes. A fragment is answered as `edgecnn predict` does it, from microvolts to
label, beside the bare call of ONNX Runtime on tensors that are there already.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from benchmarks.timing import Timing, milliseconds, print_heading, print_table, time_calls
from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.ecg.rhythm_classes import RHYTHM_LABELS
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.export.exporter import export_model
from edgecnn.metadata import InputSpec, ModelMetadata, SignalInput
from edgecnn.models import create_model
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.preprocessing.fragments import fragment_inputs
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.classify import decode

SPEC = SignalInput(sampling_rate_hz=360, leads=("MLII",), samples=3600)
#: Fragments in a row, as of a recording: calls of 12 MB networks in turns would empty the caches.
_ROW = 20
#: Goals: our answer by the bare FP32 call, and milliseconds of the INT8 file.
LARGEST_RATIO, INT8_MS = 1.1, 0.35


class _Drawn:
    """Fragments of drawn ECGs, to calibrate on."""

    targets = groups = None

    def __init__(self, count: int) -> None:
        self.info = DatasetInfo("drawn", "all", (), "0" * 64, "drawn", "CC0-1.0")
        self.signals = [_signal(seed) for seed in range(count)]

    def __len__(self) -> int:
        return len(self.signals)

    def inputs(self, spec: InputSpec, indices: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Preprocess by the contract."""
        chosen = range(len(self)) if indices is None else indices
        parts = [fragment_inputs(self.signals[int(i)], np.array([0]), SPEC) for i in chosen]
        return {SPEC.name: np.concatenate([part[SPEC.name] for part in parts])}


def _signal(seed: int) -> np.ndarray:
    ecg = synthetic_ecg(11, 360, seed=seed, pvc_every=5 * (seed % 2))
    return to_microvolts(ecg.signal_mv)[None, :3600]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    torch.manual_seed(0)
    torch.set_num_threads(1)
    metadata = ModelMetadata(name="ecg-yildirim", task="classify", labels=RHYTHM_LABELS, input=SPEC)
    drawn = _Drawn(32)
    calls: dict[str, Callable[[], None]] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        fp32, int8 = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        export_model(create_model("ecg-yildirim").eval(), metadata, drawn.inputs(SPEC), fp32)
        quantize_model(fp32, int8, drawn, samples=32, seconds=0.2, threads=1, leave=())
        for kind, path in (("FP32", fp32), ("INT8", int8)):
            sizes[kind] = path.stat().st_size
            calls |= _calls(kind, path)
        timings = time_calls(calls, runs=runs, warm_up=2)
    print_heading("Ten seconds of ECG, full width, one thread")
    bare = {kind: timings[f"{kind}, bare session.run"].median_ms for kind in sizes}
    rows = []
    for name, timing in timings.items():
        kind = name.partition(",")[0]
        each = Timing(tuple(seconds / _ROW for seconds in timing.seconds))
        ratio = timing.median_ms / bare[kind]
        verdict = ""
        if "microvolts" in name and kind == "FP32":
            verdict = f"{LARGEST_RATIO:g} x: {'met' if ratio <= LARGEST_RATIO else 'MISSED'}"
        elif "microvolts" in name:
            verdict = f"{INT8_MS:g} ms: {'met' if each.median_ms <= INT8_MS else 'MISSED'}"
        rows.append(
            (name, *milliseconds(each), f"{ratio:.2f} x", f"{sizes[kind] / 1e6:.1f}", verdict)
        )
    print_table(("call", "median ms", "10 to 90 %", "bare run", "MB", "goal"), rows)


def _calls(kind: str, path: Path) -> dict[str, Callable[[], None]]:
    """Return the bare call, and what answers a fragment."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    model = load_model(path, provider="cpu", threads=1, check=False)
    signal, start = _signal(1), np.array([0])
    tensors = fragment_inputs(signal, start, SPEC)

    def bare() -> None:
        for _ in range(_ROW):
            session.run(None, tensors)

    def answer() -> None:
        for _ in range(_ROW):
            decode(model.run(fragment_inputs(signal, start, SPEC)), model.metadata)

    return {
        f"{kind}, bare session.run": bare,
        f"{kind}, microvolts to label": answer,
    }


if __name__ == "__main__":
    main()
