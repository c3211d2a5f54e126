"""INT8 by edgecnn beside ONNX Runtime's own quantizer: speed, accuracy, memory, time."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.quantize_inputs import (
    IMAGENET,
    noise,
    other_photos,
    photos,
    real_mobilenet,
    seeded_network,
)
from benchmarks.timing import print_heading, print_table, time_calls
from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.paired import paired_accuracy_interval
from edgecnn.preprocessing.tensors import Tensors

NETWORKS = {"resnet18": 3.0, "mobilenet-v2": 2.0, "squeezenet": 2.0}
WAYS = ("edgecnn", "ort-default", "ort-best", "ort-percentile")


class _Reader:
    """Calibration data as ONNX Runtime's calibrators take it."""

    def __init__(self, dataset: Dataset, samples: int) -> None:
        self._rows: Iterator[Tensors] = iter(
            dataset.inputs(IMAGENET, np.array([index]))
            for index in range(min(samples, len(dataset)))
        )

    def get_next(self) -> Tensors | None:
        """Return the next example, or None."""
        return next(self._rows, None)


def quantize(way: str, source: Path, out: Path, dataset: Dataset, samples: int) -> None:
    """Make an 8-bit file in one of the ways."""
    if way == "edgecnn":
        from edgecnn.calibration.quantize import quantize_model

        quantize_model(source, out, dataset, samples=samples, threads=1, allow_slower=False)
        return
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantType,
        quant_pre_process,
        quantize_static,
    )

    reader = _Reader(dataset, samples)
    if way == "ort-default":
        quantize_static(source, out, reader)
        return
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared))
    percentile = way == "ort-percentile"
    quantize_static(
        prepared,
        out,
        reader,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile if percentile else CalibrationMethod.MinMax,
    )


def _in_a_process(way: str, source: Path, out: Path, samples: int) -> dict[str, float]:
    """Quantize in a process of its own, for its time and its peak of memory."""
    command = [sys.executable, "-m", "benchmarks.quantize", "--one", way, str(source), str(out)]
    done = subprocess.run(
        [*command, "--samples", str(samples)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr.strip().splitlines()[-1]}")
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _session(path: Path, threads: int) -> Callable[[Tensors], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, dict(inputs))[0]


def speeds(files: dict[str, dict[str, Path]], runs: int) -> None:
    """Time FP32 and all 8-bit files of a network in turns, with one and two threads."""
    print_heading("Speed against FP32, 224 x 224, batch 1 (goals: ResNet-18 3.0, others 2.0)")
    rows = []
    inputs = noise(1)
    for name, paths in files.items():
        for threads in (1, 2):
            calls = {way: _session(path, threads) for way, path in paths.items()}
            # One thread's own CPU time is what a neighbour does not add to; two need the wall's.
            timings = time_calls(
                {way: lambda call=call: call(inputs) for way, call in calls.items()},
                runs=runs,
                warm_up=3,
                clock=time.thread_time if threads == 1 else time.perf_counter,
            )
            base = np.array(timings["fp32"].seconds)
            cells = [f"{timings['fp32'].median_ms:.2f}"]
            for way in paths:
                if way != "fp32":
                    ratio = base / np.array(timings[way].seconds)
                    low, median, high = np.percentile(ratio, [25, 50, 75])
                    cells.append(f"{median:.2f} ({low:.2f} to {high:.2f})")
            rows.append((f"{name}, {threads} thread{'s' if threads > 1 else ''}", *cells))
    print_table(("network", "FP32 ms", *WAYS[: len(cells) - 1]), rows)


def accuracy(
    data: Path, source: Path, files: dict[str, Path], measured: dict[str, dict[str, float]]
) -> None:
    """Compare answers with FP32's on the 200 photos, which chose nothing."""
    print_heading(
        "Trained MobileNetV2, calibrated on 200 other photos; accuracy on 200 of ImageNet"
    )
    labelled = photos(data)
    assert labelled.targets is not None
    answers: dict[str, np.ndarray] = {}
    for way, path in {"fp32": source, **files}.items():
        run = _session(path, 2)
        rows = [
            np.asarray(
                run(labelled.inputs(IMAGENET, np.arange(start, min(start + 8, 200))))
            ).argmax(1)
            for start in range(0, 200, 8)
        ]
        answers[way] = np.concatenate(rows) == labelled.targets
    rows = []
    first = answers["fp32"]
    for way, right in answers.items():
        only_first, only_second = int(np.sum(first & ~right)), int(np.sum(~first & right))
        both = int(np.sum(first & right))
        low, high = paired_accuracy_interval(
            both, only_first, only_second, 200 - both - only_first - only_second
        )
        cost = measured.get(way)
        rows.append(
            (
                way,
                f"{100 * right.mean():.1f}",
                "" if way == "fp32" else f"{100 * (right.mean() - first.mean()):+.1f}",
                "" if way == "fp32" else f"{100 * low:+.1f} to {100 * high:+.1f}",
                "" if cost is None else f"{cost['cpu_s']:.0f}",
                "" if cost is None else f"{cost['seconds']:.0f}",
                "" if cost is None else f"{cost['peak_mb']:,.0f}",
            )
        )
    print_table(("way", "top-1 %", "points", "95 %", "CPU s", "wall s", "peak MB"), rows)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--one", nargs=3, metavar=("WAY", "SOURCE", "OUT"))
    arguments = parser.parse_args()
    data = Path(os.environ["EDGECNN_DATA"])
    if arguments.one:
        way, source, out = arguments.one
        start = time.perf_counter()
        quantize(way, Path(source), Path(out), other_photos(data), arguments.samples)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps(
                {
                    "seconds": time.perf_counter() - start,
                    "cpu_s": usage.ru_utime + usage.ru_stime,
                    "peak_mb": usage.ru_maxrss / 1000,
                }
            )
        )
        return
    with tempfile.TemporaryDirectory(prefix="edgecnn-bench-") as folder:
        place = Path(folder)
        files: dict[str, dict[str, Path]] = {}
        for name in filter(None, arguments.networks.split(",")):
            source = seeded_network(name, place)
            files[name] = {"fp32": source}
            for way in WAYS[:3]:
                out = place / f"{name}.{way}.onnx"
                _in_a_process(way, source, out, 16)
                files[name][way] = out
        if files:
            speeds(files, arguments.runs)
        source = real_mobilenet(data, place)
        made: dict[str, Path] = {}
        measured = {}
        for way in WAYS:
            made[way] = place / f"trained.{way}.onnx"
            measured[way] = _in_a_process(way, source, made[way], arguments.samples)
        accuracy(data, source, made, measured)


if __name__ == "__main__":
    main()
