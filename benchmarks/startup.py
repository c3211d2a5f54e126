"""How long a command takes from Enter to the end, beside what it cannot be faster than."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import milliseconds, print_heading, print_table, time_commands
from edgecnn.runtime.session import load_model

#: Goals in milliseconds, on an idle machine.
GOALS = {
    "edgecnn --help": 100.0,
    "edgecnn predict, one picture": 500.0,
    "edgecnn live, one frame": 500.0,
}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "digit.png"
        golden = load_model("bundled:mnist-lenet5", check=False).golden
        assert golden is not None
        picture.write_bytes(golden.examples[0].data)
        edgecnn = str(Path(sys.executable).with_name("edgecnn"))
        predict = [edgecnn, "predict", "bundled:mnist-lenet5", str(picture)]
        timings = time_commands(
            {
                "python -c pass": [sys.executable, "-c", "pass"],
                "python -c 'import click'": [sys.executable, "-c", "import click"],
                "edgecnn --version": [edgecnn, "--version"],
                "edgecnn --help": [edgecnn, "--help"],
                "python -c 'import cv2, onnxruntime'": [
                    sys.executable,
                    "-c",
                    "import cv2, onnxruntime",
                ],
                "edgecnn predict, one picture": predict,
                "edgecnn predict, one picture, --no-check": [*predict, "--no-check"],
                "edgecnn live, one frame": [
                    edgecnn,
                    "live",
                    "bundled:mnist-lenet5",
                    *("--source", "test:", "--frames", "1", "--headless", "--json"),
                ],
                "edgecnn inspect": [edgecnn, "inspect", "bundled:mnist-lenet5"],
            },
            runs=runs,
        )
    print_heading("Startup: whole processes")
    bare = timings["python -c pass"].median_ms
    rows = []
    for name, timing in timings.items():
        goal = GOALS.get(name)
        rows.append(
            (
                f"`{name}`",
                *milliseconds(timing),
                f"{timing.median_ms / bare:.1f} x",
                ""
                if goal is None
                else f"{goal:g}: {'met' if timing.median_ms <= goal else 'MISSED'}",
            )
        )
    print_table(("command", "median ms", "10 to 90 %", "bare Python", "goal ms"), rows)


if __name__ == "__main__":
    main()
