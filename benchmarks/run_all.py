"""Run every benchmark, one after the other, and print its tables."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "startup",
    "preprocessing",
    "embedded",
    "models",
    "gates",
    "live",
    "live_peers",
    "fragments",
    "calibration",
    "ecg_score",
    "ecg_detectors",
)


def main() -> None:
    """Each in a process of its own, so that none inherits what another loaded."""
    for name in NAMES:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
