"""Make README's picture from what the bundled models really answer.

Run it from the repository: ``.venv/bin/python docs/make_picture.py``. It writes
``docs/edgecnn.png``: frames of the drawn camera as ``edgecnn live`` annotates them, over a stretch
of the drawn ECG with each beat's class as ``edgecnn score`` gives it.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt

from edgecnn import load_model
from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.answer import Answer
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.sources.test_camera import TestCamera

FRAMES = (12, 42, 72)
SECONDS = 12.0
RATE_HZ = 360.0
COLOURS = {"N": "#2f855a", "S": "#b7791f", "V": "#c53030", "F": "#6b46c1"}


def annotated_frames() -> list[np.ndarray]:
    """Return frames of the drawn camera with the overlay of ``edgecnn live``, as RGB."""
    camera = TestCamera("test:digits?pace=free&seed=7")
    processor = ImageProcessor(load_model("bundled:mnist-lenet5"))
    camera.open()
    pictures = []
    for number in range(max(FRAMES) + 1):
        frame = camera.read()
        result = processor.process(frame)
        if number in FRAMES:
            ledger = LedgerCounts(number + 1, number + 1, 0, 0, 0)
            answer = Answer(
                frame,
                result,
                latency_ms=sum(result.stages_ms.values()),
                ledger=ledger,
                fps=camera.fps,
                provider=processor.provider,
            )
            pictures.append(answer.picture()[:, :, ::-1])
    return pictures


def main() -> None:
    """Write the picture."""
    figure = plt.figure(figsize=(12, 5.6), layout="constrained")
    grid = figure.add_gridspec(2, len(FRAMES), height_ratios=[1.9, 1])
    for place, picture in enumerate(annotated_frames()):
        axes = figure.add_subplot(grid[0, place])
        axes.imshow(picture)
        axes.axis("off")

    ecg = synthetic_ecg(SECONDS + 60, RATE_HZ, seed=7)
    record = Record("drawn", Path("drawn.csv"), RATE_HZ, ("MLII",), ecg.signal_mv[:, None])
    scored = classify_record(record, load_model("bundled:ecg-beats"))
    start = 60.0
    axes = figure.add_subplot(grid[1, :])
    time = np.arange(len(ecg.signal_mv)) / RATE_HZ - start
    axes.plot(time, ecg.signal_mv, color="#2d3748", linewidth=1.1)
    for sample, label in zip(scored.samples, scored.classes, strict=True):
        x = sample / RATE_HZ - start
        if 0.1 < x < SECONDS - 0.1:
            axes.text(x, 2.05, label, color=COLOURS[label], ha="center", weight="bold", size=13)
    axes.set(xlim=(0, SECONDS), ylim=(-1.1, 2.5), xlabel="seconds", ylabel="mV")
    axes.spines[["top", "right"]].set_visible(False)
    target = Path(__file__).parent / "edgecnn.png"
    figure.savefig(target, dpi=100, metadata={"Software": None})
    print(target)


if __name__ == "__main__":
    main()
