"""The demo: the main job on the bundled models, offline, with its answers checked.

A camera that draws digits goes through the live engine, and a drawn ECG with PVCs through batch
scoring. Both were drawn here, so the right answers are known, and the demo fails when edgecnn is
not right.
"""

from __future__ import annotations

import dataclasses
import signal
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np

from edgecnn.ecg.beats import match_beats
from edgecnn.ecg.readers.csv import write_csv
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Summary
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.live import run_live
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.session import Model, load_model
from edgecnn.runtime.sources.test_camera import TestCamera

__all__ = ["CameraAccount", "DemoReport", "EcgAccount", "run_demo"]

#: Least share of its own camera's digits that the demo must get right.
LEAST_DIGITS = 0.99

_DIGITS = ("mnist-lenet5", "mnist-lenet5.int8")
_BEATS = "ecg-beats"
_FPS = 30
_ECG_RATE_HZ = 360.0
_ECG_SECONDS = 120.0
_SEED = 7


@dataclass(frozen=True)
class CameraAccount:
    """What the drawn camera came to.

    Attributes
    ----------
    model : str
        The faster of the bundled digit models on this machine.
    run_ms : dict
        Median milliseconds of one run of each bundled digit model, measured in turns.
    right, answered : int
        Frames whose label is the digit that was drawn, and frames with an answer.
    summary : Summary
        The stream's own account.
    """

    model: str
    run_ms: dict[str, float]
    right: int
    answered: int
    summary: Summary

    @property
    def good(self) -> bool:
        """Whether enough digits are right, and every frame is accounted for."""
        s = self.summary
        balanced = s.captured == s.processed + s.dropped + s.failed and s.pending == 0
        return balanced and self.answered > 0 and self.right >= LEAST_DIGITS * self.answered


@dataclass(frozen=True)
class EcgAccount:
    """What the drawn ECG came to.

    Attributes
    ----------
    seconds : float
        Length of the ECG.
    drawn, drawn_pvcs : int
        Beats that were drawn, and how many of them are PVCs.
    found : int
        Drawn beats that were found within 150 ms.
    pvcs_found, pvcs_false : int
        Drawn PVCs that were called V, and other answers of V.
    score_ms : float
        From the CSV file to the written tables.
    """

    seconds: float
    drawn: int
    drawn_pvcs: int
    found: int
    pvcs_found: int
    pvcs_false: int
    score_ms: float

    @property
    def good(self) -> bool:
        """Whether every PVC was found, and nothing else was called one."""
        return self.pvcs_found == self.drawn_pvcs > 0 and self.pvcs_false == 0


@dataclass(frozen=True)
class DemoReport:
    """Both accounts, and where the files lie."""

    camera: CameraAccount
    ecg: EcgAccount
    folder: Path

    @property
    def good(self) -> bool:
        """Whether all that was drawn was recognised."""
        return self.camera.good and self.ecg.good

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "good": self.good,
            "camera": dataclasses.asdict(self.camera) | {"good": self.camera.good},
            "ecg": dataclasses.asdict(self.ecg) | {"good": self.ecg.good},
            "folder": str(self.folder),
        }


def run_demo(
    folder: Path,
    *,
    seconds: float = 10.0,
    web: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> DemoReport:
    """Run both halves and check what they say against what was drawn.

    Parameters
    ----------
    folder : Path
        Receives ``camera.jsonl``, ``camera.mkv``, ``ecg.csv`` and ``ecg-results/``.
    seconds : float
        Length of the camera's part.
    web : str, optional
        ``HOST:PORT`` to show the camera's part at; opened in a browser where there is one.
    say : callable
        Hears what is going on.

    Raises
    ------
    EdgeCNNError
        A part could not run at all. Wrong answers are in the report instead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeCNNError(
            f"cannot make {folder}: {error.strerror}", hint="name another folder with -o"
        ) from error
    camera = _camera(folder, seconds, web, say)
    ecg = _ecg(folder, say)
    return DemoReport(camera, ecg, folder)


def _camera(
    folder: Path, seconds: float, web: str | None, say: Callable[[str], None]
) -> CameraAccount:
    models = {name: load_model(f"bundled:{name}", spinning=False) for name in _DIGITS}
    run_ms = _race(models)
    fastest = min(run_ms, key=run_ms.__getitem__)
    say(f"camera: {seconds:g} s of drawn digits through {fastest} ...")
    rows_file = folder / "camera.jsonl"

    def hear(text: str) -> None:
        say(text)
        if text.startswith("page: "):
            webbrowser.open(text.removeprefix("page: "))

    with rows_file.open("w", encoding="utf-8") as rows:
        summary = run_live(
            TestCamera(f"test:digits?fps={_FPS}&seed={_SEED}"),
            ImageProcessor(models[fastest]),
            outputs=Outputs(as_json=True, web=web, record=folder / "camera.mkv"),
            frames=max(1, round(seconds * _FPS)),
            out=rows,
            say=hear if web is not None else lambda text: None,
        )
    if summary.ended in ("interrupted", "terminated"):
        # `live` ends well when it is told to; half a demo is none.
        signal.raise_signal(signal.SIGINT if summary.ended == "interrupted" else signal.SIGTERM)
        raise KeyboardInterrupt  # unless whoever called has a handler that returns
    right, answered = _count_right(rows_file)
    return CameraAccount(fastest, run_ms, right, answered, summary)


def _race(models: dict[str, Model], *, rounds: int = 60) -> dict[str, float]:
    """Time one run of each model, in turns, so that a busy machine is unfair to none."""
    times: dict[str, list[float]] = {name: [] for name in models}
    inputs = {
        name: {key: np.zeros((1, *shape), np.float32) for key, shape in spec.tensors.items()}
        for name, spec in ((name, model.metadata.input) for name, model in models.items())
    }
    for _ in range(rounds):
        for name, model in models.items():
            started = time.perf_counter()
            model.run(inputs[name])
            times[name].append((time.perf_counter() - started) * 1e3)
    return {name: median(values) for name, values in times.items()}


def _count_right(rows_file: Path) -> tuple[int, int]:
    """Compare each frame's label with the digit that was drawn on it."""
    rows = [msgspec.json.decode(line) for line in rows_file.read_bytes().splitlines()]
    answers = [row for row in rows if "label" in row]
    return sum(row["label"] == row["truth"] for row in answers), len(answers)


def _ecg(folder: Path, say: Callable[[str], None]) -> EcgAccount:
    say(f"ecg: {_ECG_SECONDS:g} s of a drawn ECG with PVCs through {_BEATS} ...")
    signal_mv, samples, symbols = synthetic_ecg(_ECG_SECONDS, _ECG_RATE_HZ, seed=_SEED)
    file = folder / "ecg.csv"
    write_csv(file, signal_mv, rate_hz=_ECG_RATE_HZ, lead="MLII")
    model = load_model(f"bundled:{_BEATS}")
    started = time.perf_counter()
    summary = score_records(model, [file], folder / "ecg-results")
    score_ms = (time.perf_counter() - started) * 1e3
    scored = summary.records[0]
    pairs = match_beats(samples, scored.samples, rate_hz=_ECG_RATE_HZ)
    drawn_pvc = np.asarray([symbol == "V" for symbol in symbols])
    called_pvc = np.asarray([label == "V" for label in scored.classes])
    hit = sum(drawn_pvc[d] and called_pvc[f] for d, f in pairs)
    return EcgAccount(
        seconds=_ECG_SECONDS,
        drawn=len(samples),
        drawn_pvcs=int(drawn_pvc.sum()),
        found=len(pairs),
        pvcs_found=int(hit),
        pvcs_false=int(called_pvc.sum()) - int(hit),
        score_ms=score_ms,
    )
