"""Time and memory of calibrating ResNet-18, beside ONNX Runtime's own calibrators.

Each measurement is a process of its own, taken in turns; CPU seconds are what a busy machine does
not change. ONNX Runtime's percentile calibrator keeps
every activation of what it is given at once, so it is given 16 pictures at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.timing import print_heading, print_table

_WAYS = ("edgecnn", "onnxruntime")
_AT_ONCE = 16


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="measurements of each, in turns")
    parser.add_argument("--pictures", type=int, nargs="+", default=[16, 256])
    parser.add_argument("--method", choices=("percentile", "min-max"), default="percentile")
    parser.add_argument(
        "--one", nargs=3, metavar=("WAY", "PICTURES", "MODEL"), help=argparse.SUPPRESS
    )
    parser.add_argument("--only", choices=_WAYS, help="measure one of the two")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_model(options.write)
        return
    if options.one:
        way, pictures, model = options.one
        run_one(way, int(pictures), Path(model), options.method)
        return
    print_heading(f"Calibrating ResNet-18 by {options.method}, 224 x 224")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "resnet18.onnx")
        subprocess.run(
            [sys.executable, "-m", "benchmarks.calibration", "--write", str(model)],
            check=True,
            capture_output=True,
        )
        rows = []
        for pictures in options.pictures:
            taken = {way: [] for way in _WAYS}
            for _ in range(options.runs):
                for way in _WAYS:
                    if options.only in (None, way):
                        taken[way].append(measure(way, pictures, model, options.method))
            rows.append((str(pictures), *cells(*(taken[way] for way in _WAYS))))
        print_table(
            (
                "pictures",
                "edgecnn CPU s",
                "theirs",
                "edgecnn s",
                "theirs",
                "times as fast (CPU)",
                "edgecnn MB",
                "theirs",
            ),
            rows,
        )


def cells(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> Iterator[str]:
    """Yield a row: CPU and wall seconds of both, how many times as fast, peak memory of both."""
    for what in ("cpu_seconds", "seconds"):
        for measured in (ours, theirs):
            yield f"{np.median([m[what] for m in measured]):.1f}" if measured else "-"
    pairs = zip(ours, theirs, strict=False)
    ratios = [second["cpu_seconds"] / first["cpu_seconds"] for first, second in pairs]
    yield f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else "-"
    for measured in (ours, theirs):
        yield f"{max(m['peak_mb'] for m in measured):.0f}" if measured else "-"


def measure(way: str, pictures: int, model: Path, method: str) -> dict[str, float]:
    """Calibrate in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.calibration", "--method", method]
    command += ["--one", way, str(pictures), str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_one(way: str, pictures: int, model: Path, method: str) -> None:
    """Calibrate, and print seconds and peak memory of this process."""
    start, used = time.perf_counter(), time.process_time()
    if way == "edgecnn":
        calibrate(pictures, model, method)
    else:
        calibrate_with_onnxruntime(pictures, model, method)
    result = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(result))


def peak_mb() -> float:
    """Return the most memory that this process has held, in MB.

    Not by `getrusage`, which counts what the process held that this one was forked from.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def calibrate(pictures: int, model: Path, method: str) -> None:
    """Calibrate by edgecnn, preparation of the graph included."""
    import onnx

    from edgecnn.calibration.prepare import prepare
    from edgecnn.calibration.ranges import estimate_ranges

    prepared = prepare(onnx.load(model))
    ranges = estimate_ranges(
        prepared,
        lambda start=0: draw(pictures, start),
        method=method,  # type: ignore[arg-type]
    )
    assert len(ranges) > 30


def calibrate_with_onnxruntime(pictures: int, model: Path, method: str) -> None:
    """Calibrate by ONNX Runtime, its recommended preparation included."""
    from onnxruntime.quantization import shape_inference
    from onnxruntime.quantization.calibrate import (
        CalibrationDataReader,
        CalibrationMethod,
        create_calibrator,
    )

    class _Reader(CalibrationDataReader):
        def __init__(self, batches: Iterator[dict[str, np.ndarray]]) -> None:
            self.batches = batches

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared.onnx")
        shape_inference.quant_pre_process(model, prepared)
        calibrator = create_calibrator(
            prepared,
            None,
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            calibrate_method=CalibrationMethod.Percentile
            if method == "percentile"
            else CalibrationMethod.MinMax,
            extra_options={"symmetric": False, "percentile": 99.99}
            if method == "percentile"
            else {},
        )
        for start in range(0, pictures, _AT_ONCE):
            calibrator.collect_data(_Reader(draw(min(pictures, start + _AT_ONCE), start)))
        assert len(calibrator.compute_data().data) > 30


def draw(pictures: int, start: int = 0) -> Iterator[dict[str, np.ndarray]]:
    """Yield drawn pictures, one at a time."""
    for number in range(start, pictures):
        random = np.random.default_rng(number)
        yield {"input": random.standard_normal((1, 3, 224, 224), dtype=np.float32)}


def write_model(path: Path) -> None:
    """Write ResNet-18 with seeded weights."""
    import torch

    from edgecnn.models import create_model

    torch.manual_seed(0)
    torch.onnx.export(
        create_model("resnet18").eval(),
        (torch.zeros(1, 3, 224, 224),),
        path,
        input_names=["input"],
        dynamo=True,
        external_data=False,
        opset_version=20,
        verbose=False,
    )


if __name__ == "__main__":
    main()
