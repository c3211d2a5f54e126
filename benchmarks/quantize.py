"""INT8 by edgecnn beside ONNX Runtime's own quantizer: speed, accuracy, memory, time.

`--optimum PATH` takes in optimum-onnx too, by its command in an environment of its own; that
quantizes dynamically. `--keep FOLDER` keeps the files, and a second run only measures them:
timings want a quiet machine, quantizing does not.
"""

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

from benchmarks.calibration import peak_mb
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
PEER = "optimum"


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


def _by_optimum(command: Path, source: Path, out: Path) -> dict[str, float | None]:
    """Quantize with optimum-onnx's command, as its help says for a CPU with VNNI."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "given").mkdir()
        Path(folder, "given", "model.onnx").symlink_to(source)
        words = [str(command), "onnxruntime", "quantize", "--onnx_model", f"{folder}/given"]
        words += ["--avx512_vnni", "--per_channel", "-o", f"{folder}/made"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        taken, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        made = Path(folder, "made", "model_quantized.onnx")
        if done.returncode or not made.is_file():
            raise RuntimeError(f"optimum: {done.stderr.strip()[-300:]}")
        out.write_bytes(made.read_bytes())
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": taken, "cpu_s": cpu_s, "peak_mb": None}


def _made(
    way: str, source: Path, out: Path, samples: int, optimum: Path | None
) -> dict[str, float | None]:
    """Quantize, or tell what it took when the file was made."""
    told = out.with_suffix(".json")
    if not told.is_file():
        assert optimum is not None or way != PEER
        cost = (
            _by_optimum(optimum, source, out)
            if way == PEER and optimum is not None
            else _in_a_process(way, source, out, samples)
        )
        told.write_text(json.dumps(cost))
    measured: dict[str, float | None] = json.loads(told.read_text())
    return measured


def _in_a_process(way: str, source: Path, out: Path, samples: int) -> dict[str, float | None]:
    """Quantize in a process of its own, for its time and its peak of memory."""
    command = [sys.executable, "-m", "benchmarks.quantize", "--one", way, str(source), str(out)]
    done = subprocess.run(
        [*command, "--samples", str(samples)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr.strip().splitlines()[-1]}")
    measured: dict[str, float | None] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _session(path: Path, threads: int, *, way: str = "") -> Callable[[Tensors], object]:
    if way == "edgecnn":
        # As its own commands open it: that chooses the kernels of the processor's tile unit.
        from edgecnn.runtime.opening import open_session

        opened, _ = open_session(path, provider="cpu", threads=threads, spinning=False)
        return lambda inputs: opened.run(None, dict(inputs))[0]
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
            calls = {way: _session(path, threads, way=way) for way, path in paths.items()}
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
    ways = [way for way in next(iter(files.values())) if way != "fp32"]
    print_table(("network", "FP32 ms", *ways), rows)


def accuracy(
    data: Path, source: Path, files: dict[str, Path], measured: dict[str, dict[str, float | None]]
) -> None:
    """Compare answers with FP32's on the 200 photos, which chose nothing."""
    print_heading(
        "Trained MobileNetV2, calibrated on 200 other photos; accuracy on 200 of ImageNet"
    )
    labelled = photos(data)
    assert labelled.targets is not None
    answers: dict[str, np.ndarray] = {}
    refused = []
    for way, path in {"fp32": source, **files}.items():
        try:
            run = _session(path, 2)
        # ONNX Runtime's errors have no base class of their own.
        except Exception as error:
            refused.append(f"{way}: ONNX Runtime refuses its own file: {str(error)[:300]}")
            continue
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
                "" if cost is None or cost["peak_mb"] is None else f"{cost['peak_mb']:,.0f}",
            )
        )
    for line in refused:
        print(f"{line}\n")
    print_table(("way", "top-1 %", "points", "95 %", "CPU s", "wall s", "peak MB"), rows)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--optimum", type=Path, metavar="PATH", help="of optimum-cli")
    parser.add_argument("--only", choices=("speed", "accuracy"))
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
                    "peak_mb": peak_mb(),
                }
            )
        )
        return
    with tempfile.TemporaryDirectory(prefix="edgecnn-bench-") as folder:
        place = arguments.keep or Path(folder)
        place.mkdir(exist_ok=True)
        peer = [PEER] if arguments.optimum else []
        files: dict[str, dict[str, Path]] = {}
        for name in filter(None, arguments.networks.split(",")):
            source = place / f"{name}.onnx"
            if not source.is_file():
                seeded_network(name, place)
            files[name] = {"fp32": source}
            for way in (*WAYS[:3], *peer):
                files[name][way] = out = place / f"{name}.{way}.onnx"
                _made(way, source, out, 16, arguments.optimum)
        if files and arguments.only != "accuracy":
            speeds(files, arguments.runs)
        if arguments.only == "speed":
            return
        source = real_mobilenet(data, place)
        made: dict[str, Path] = {}
        measured = {}
        for way in (*WAYS, *peer):
            made[way] = place / f"trained.{way}.onnx"
            measured[way] = _made(way, source, made[way], arguments.samples, arguments.optimum)
        accuracy(data, source, made, measured)


if __name__ == "__main__":
    main()
