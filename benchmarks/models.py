"""Latency of the bundled models as they run, beside a bare ONNX Runtime session."""

from __future__ import annotations

import argparse

import numpy as np
import onnxruntime

from benchmarks.timing import milliseconds, print_heading, print_table, time_calls
from edgecnn.bundled import bundled_models
from edgecnn.runtime.session import load_model


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    rows = []
    for name, path in bundled_models().items():
        ours = load_model(path, provider="cpu", threads=1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        bare = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        random = np.random.default_rng(0)
        inputs = {
            key: random.standard_normal((1, *shape), dtype=np.float32)
            for key, shape in ours.metadata.input.tensors.items()
        }
        timings = time_calls(
            {
                "ours": lambda ours=ours, inputs=inputs: ours.run(inputs),
                "bare": lambda bare=bare, inputs=inputs: bare.run(None, inputs),
            },
            runs=runs,
            warm_up=30,
        )
        rows.append(
            (
                f"`{name}`",
                f"{path.stat().st_size / 1e3:.0f}",
                *milliseconds(timings["ours"]),
                f"{timings['bare'].median_ms:.4g}",
            )
        )
    print_heading("Bundled models, batch 1, one thread")
    print_table(("model", "kB", "median ms", "10 to 90 %", "bare session ms"), rows)


if __name__ == "__main__":
    main()
