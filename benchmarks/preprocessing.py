"""How long raw inputs take to become tensors, beside the bare library calls."""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from benchmarks.timing import milliseconds, print_heading, print_table, time_calls
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.preprocessing.boxcar import filter_boxcar
from edgecnn.preprocessing.image import image_tensor

RGB = {"colour": "rgb", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def pictures(runs: int) -> None:
    """Frames of usual sizes into tensors of usual sizes."""
    random = np.random.default_rng(0)
    rows = []
    for height, width in ((480, 640), (1080, 1920)):
        frame = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for name, spec in (
            ("28 x 28 grey, crop", ImageInput(height=28, width=28, colour="gray")),
            ("224 x 224 RGB, crop", ImageInput(height=224, width=224, shorter_side=256, **RGB)),
            (
                "416 x 416 RGB, letterbox",
                ImageInput(height=416, width=416, resize="letterbox", **RGB),
            ),
        ):
            size = (spec.width, spec.height)
            timings = time_calls(
                {
                    "ours": lambda frame=frame, spec=spec: image_tensor(frame, spec),
                    "area": lambda frame=frame, size=size: cv2.resize(
                        frame, size, interpolation=cv2.INTER_AREA
                    ),
                    "linear": lambda frame=frame, size=size: cv2.resize(
                        frame, size, interpolation=cv2.INTER_LINEAR
                    ),
                },
                runs=runs,
            )
            rows.append(
                (
                    f"{width} x {height} to {name}",
                    *milliseconds(timings["ours"]),
                    f"{timings['area'].median_ms:.4g}",
                    f"{timings['linear'].median_ms:.4g}",
                )
            )
    print_heading("Pictures to tensors")
    print_table(
        ("frame", "median ms", "10 to 90 %", "bare INTER_AREA ms", "bare INTER_LINEAR ms"), rows
    )


def beats(runs: int) -> None:
    """Half an hour of one lead, filtered and cut into beats."""
    rate_hz = 360.0
    spec = BeatInput(
        sampling_rate_hz=rate_hz,
        leads=("MLII",),
        before=96,
        after=128,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    random = np.random.default_rng(0)
    samples = round(1800 * rate_hz)
    signal = random.integers(-2000, 2000, samples)
    peaks = np.arange(300, samples - 300, 290)
    timings = time_calls(
        {
            "one running sum (np.cumsum)": lambda: np.cumsum(signal),
            "band-pass": lambda: filter_boxcar(signal, spec.filter, rate_hz),
            f"band-pass and {len(peaks):,} beats": lambda: beat_inputs(signal, peaks, spec),
        },
        runs=runs,
    )
    print_heading("Half an hour of ECG, one lead at 360 Hz, to tensors")
    print_table(
        ("step", "median ms", "10 to 90 %", "hours of ECG a second"),
        [
            (name, *milliseconds(timing), f"{0.5 / (timing.median_ms / 1e3):,.0f}")
            for name, timing in timings.items()
        ],
    )


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    pictures(runs)
    beats(runs)


if __name__ == "__main__":
    main()
