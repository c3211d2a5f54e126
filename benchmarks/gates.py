"""What looking at a frame before the network sees it costs: each gate, and all of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import milliseconds, print_heading, print_table, time_calls
from edgecnn.runtime.answering import Answering
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Gate
from edgecnn.runtime.origin import Origin

#: Of all gates together, in milliseconds: a tenth of what a network of 1 ms takes.
GOAL_MS = 0.1
_SIZES = {"640x480": (480, 640), "1280x720": (720, 1280), "1920x1080": (1080, 1920)}
#: Frames that differ, so that none is in the processor's cache because it was looked at just now.
_RING = 12


def pictures(shape: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Return pictures as a camera gives them: a soft scene, and noise that is new each time."""
    random = np.random.default_rng(0)
    scene = random.integers(0, 256, (shape[0] // 40, shape[1] // 40, 3), np.uint8)
    scene = cv2.resize(scene, shape[::-1], interpolation=cv2.INTER_CUBIC)
    made = []
    for _ in range(_RING):
        noise = random.integers(0, 6, (*shape, 3), np.uint8)
        made.append(np.asarray(cv2.add(scene, noise), np.uint8))
    return made


def looks(gates: list[Gate], frames: list[NDArray[np.uint8]]) -> Callable[[], None]:
    """Return what asks gates about the next frame; every one of them lets it pass."""

    def stream() -> Iterator[Frame]:
        number = 0
        while True:
            at = time.monotonic_ns()
            yield Frame("", number, at, frames[number % len(frames)], turn_ns=at)
            number += 1

    coming = stream()

    def look() -> None:
        frame = next(coming)
        for gate in gates:
            assert gate.check(frame) is None

    return look


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    cv2.setNumThreads(1)
    # Nothing is refused, so that all gates are asked: frozen is what stood for an hour.
    asked, camera = Answering(frozen_s=3600.0), Origin(live=True)
    print_heading("Gates: one frame of a camera, before the network sees it")
    rows = []
    for size, shape in _SIZES.items():
        moving = pictures(shape)
        calls = {type(gate).__name__.lower(): looks([gate], moving) for gate in asked.gates(camera)}
        calls["all of them"] = looks([*asked.gates(camera)], moving)
        calls["all, of a picture that stands still"] = looks([*asked.gates(camera)], moving[:1])
        for name, timing in time_calls(calls, runs=runs, warm_up=20).items():
            goal = ""
            if name == "all of them" and size == "1280x720":
                met = timing.median_ms <= GOAL_MS
                goal = f"{GOAL_MS:g}: {'met' if met else 'MISSED'}"
            rows.append((f"{size}, {name}", *milliseconds(timing), goal))
    print_table(("", "ms, median", "10 to 90 %", "goal"), rows)


if __name__ == "__main__":
    main()
