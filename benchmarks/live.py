"""The live engine beside what it cannot be faster than.

All of it in turns, in one process, on the same frames: what slows the machine down slows all of
them. ``EDGECNN_DATA`` adds MobileNetV2 to the bundled networks. Whole processes are compared by
``live_peers.py``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import print_heading, print_table
from edgecnn.metadata import ImageInput, ModelMetadata
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.machine import usable_cpus
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import Model, load_model
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.video import Video

#: Share of the bare network's throughput, by how long it takes: goals, one core left for the rest.
GOAL_SLOW, GOAL_QUICK = 0.95, 0.90
GOAL_ADDED_MS = 1.0


class Memory:
    """Frames that are there already, handed out at once or at a pace."""

    description = "memory"

    def __init__(self, pictures: list[NDArray[np.uint8]], count: int, fps: float | None) -> None:
        self._pictures, self._count = pictures, count
        self.fps, self.live = fps, fps is not None
        self._number, self._due = 0, 0.0

    def open(self) -> None:
        """Begin."""
        self._number, self._due = 0, time.perf_counter()

    def read(self) -> Frame | None:
        """Return the next one."""
        if self._number == self._count:
            return None
        if self.fps is not None:
            self._due += 1 / self.fps
            time.sleep(max(0.0, self._due - time.perf_counter()))
        number = self._number
        self._number += 1
        picture = self._pictures[number % len(self._pictures)]
        return Frame("memory", number, time.monotonic_ns(), picture)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class Network:
    """A network to measure: its name, its file, its contract if it brings none."""

    name: str
    path: str
    contract: ModelMetadata | None = None

    def load(self, threads: int) -> Model:
        """Open it as the live engine does."""
        return load_model(
            self.path,
            provider="cpu",
            threads=threads,
            check=False,
            spinning=False,
            contract=self.contract,
        )


def networks() -> list[Network]:
    """List what there is to measure."""
    found = [Network("mnist-lenet5", "bundled:mnist-lenet5")]
    found.append(Network("cifar10-resnet", "bundled:cifar10-resnet"))
    data = os.environ.get("EDGECNN_DATA")
    path = Path(data or "none") / "models" / "mobilenetv2_fp32_dequantised.onnx"
    if path.is_file():
        spec = ImageInput(
            height=224,
            width=224,
            colour="rgb",
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
        )
        labels = tuple(map(str, range(1000)))
        contract = ModelMetadata(name="mobilenetv2", task="classify", labels=labels, input=spec)
        output = type(contract.output)(name="output")
        contract = _replace(contract, output=output)
        found.append(Network("mobilenetv2", str(path), contract))
    return found


def _replace(contract: ModelMetadata, **changes: object) -> ModelMetadata:
    import msgspec

    return msgspec.structs.replace(contract, **changes)


def frames_per_second(run: Callable[[], object], count: int) -> float:
    """Time something that deals with so many frames."""
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def from_memory(rounds: int, seconds: float) -> None:
    """Pipeline from 224 x 224 frames in memory, beside the bare session."""
    threads = max(1, usable_cpus() - 1)
    rows, added = [], []
    camera = TestCamera("test:digits?size=224x224")
    pictures = [camera.picture(number) for number in range(64)]
    for network in networks():
        model = network.load(threads)
        processor = ImageProcessor(model)
        inputs = processor.prepare(pictures[0])
        name = model.metadata.output.name

        def bare(
            count: int, model: Model = model, inputs: object = inputs, name: str = name
        ) -> None:
            for _ in range(count):
                model.session.run([name], inputs)

        def piped(count: int, model: Model = model, fps: float | None = None) -> object:
            return Pipeline(Memory(pictures, count, fps), ImageProcessor(model)).run()

        single_ms = 1000 / frames_per_second(lambda bare=bare: bare(20), 20)
        count = max(20, round(seconds * 1000 / single_ms))
        found = np.array(
            [
                (
                    frames_per_second(lambda bare=bare, n=count: bare(n), count),
                    frames_per_second(lambda piped=piped, n=count: piped(n), count),
                )
                for _ in range(rounds)
            ]
        )
        ratio = float(np.median(found[:, 1] / found[:, 0]))
        each_ms = 1000 / float(np.median(found[:, 0]))
        goal = GOAL_SLOW if each_ms >= 5 else GOAL_QUICK
        judged = f"{goal:.2f}: {'met' if ratio >= goal else 'MISSED'}" if each_ms >= 0.8 else ""
        low, high = np.percentile(found[:, 1] / found[:, 0], [10, 90])
        rows.append(
            (
                network.name,
                f"{each_ms:.3g}",
                f"{np.median(found[:, 0]):.1f}",
                f"{np.median(found[:, 1]):.1f}",
                f"{ratio:.3f}",
                f"{low:.3f} to {high:.3f}",
                judged,
            )
        )
        added.append(_added(network.name, model, pictures, piped, each_ms, seconds))
    print_heading(f"Live: the pipeline ÷ bare `session.run`, {threads} threads for both")
    header = ("network", "run ms", "bare fps", "pipeline fps", "ratio", "10 to 90 %", "goal")
    print_table(header, rows)
    print_heading("Live: what a frame waits for besides preparing and running, at half the load")
    header = ("network", "fps", "capture to answer p50 ms", "prepare + run ms", "added ms", "goal")
    print_table(header, added)


def _added(  # noqa: PLR0917
    name: str,
    model: Model,
    pictures: list[NDArray[np.uint8]],
    piped: Callable[..., object],
    each_ms: float,
    seconds: float,
) -> tuple[str, ...]:
    fps = min(120.0, 500 / each_ms)
    processor = ImageProcessor(model)
    own = []
    for number in range(200):
        frame = Frame("memory", number, 0, pictures[number % len(pictures)])
        started = time.perf_counter()
        processor.process(frame)
        own.append(1000 * (time.perf_counter() - started))
        # As idle in between as it is at that rate: processors fall asleep.
        time.sleep(1 / fps / 4)
    summary = piped(max(50, round(fps * seconds)), fps=fps)
    p50: float = summary.latency_ms["p50"]  # type: ignore[attr-defined]
    extra = p50 - float(np.median(own))
    judged = f"{GOAL_ADDED_MS:g}: {'met' if extra <= GOAL_ADDED_MS else 'MISSED'}"
    return (name, f"{fps:.0f}", f"{p50:.3g}", f"{np.median(own):.3g}", f"{extra:.2g}", judged)


def make_video(path: Path, count: int) -> None:
    """Write a 720p video of drawn digits."""
    camera = TestCamera("test:digits?size=1280x720")
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, 30.0, (1280, 720))
    for number in range(count):
        writer.write(camera.picture(number))
    writer.release()


def from_video(video: Path, count: int, rounds: int) -> None:
    """Pipeline from a 720p file, beside the slower of decoding and running."""
    threads = max(1, usable_cpus() - 1)
    rows = []
    for network in networks()[1:]:
        model = network.load(threads)
        processor = ImageProcessor(model)

        def decode() -> None:
            source = Video(video)
            source.open()
            while source.read() is not None:
                pass
            source.close()

        source = Video(video)
        source.open()
        first = source.read()
        source.close()
        assert first is not None

        def infer(processor: ImageProcessor = processor, frame: Frame = first) -> None:
            for _ in range(count):
                processor.process(frame)

        def piped(processor: ImageProcessor = processor) -> None:
            Pipeline(Video(video), processor).run()

        found = np.array(
            [
                [frames_per_second(run, count) for run in (decode, infer, piped)]
                for _ in range(rounds)
            ]
        )
        ratios = found[:, 2] / found[:, :2].min(axis=1)
        decoded, inferred, together = np.median(found, axis=0)
        ratio = float(np.median(ratios))
        rows.append(
            (
                network.name,
                f"{decoded:.1f}",
                f"{inferred:.1f}",
                f"{together:.1f}",
                f"{ratio:.3f}",
                f"{GOAL_SLOW}: {'met' if ratio >= GOAL_SLOW else 'MISSED'}",
            )
        )
    print_heading(f"Live: from a 720p file, {threads} threads")
    header = ("network", "decode fps", "prepare + run fps", "pipeline fps", "÷ the slower", "goal")
    print_table(header, rows)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--frames", type=int, default=300, help="of the video")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    from_memory(chosen.rounds, chosen.seconds)
    with tempfile.TemporaryDirectory() as name:
        video = Path(name) / "video.mp4"
        make_video(video, chosen.frames)
        from_video(video, chosen.frames, chosen.rounds)


if __name__ == "__main__":
    main()
