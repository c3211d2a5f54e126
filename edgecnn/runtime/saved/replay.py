"""Derive every answer of a saved session again, and compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edgecnn.bundled import resolve_model
from edgecnn.errors import MetadataError, ModelError
from edgecnn.files import sha256_of
from edgecnn.metadata import ModelMetadata, decode_metadata
from edgecnn.runtime.answer import Answer
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Processor
from edgecnn.runtime.saved.frames import SavedFrames
from edgecnn.runtime.saved.manifest import Manifest, describe_computer
from edgecnn.runtime.saved.result_rows import Difference, Tolerance, compare_rows, result_row
from edgecnn.runtime.session import Model, load_model
from edgecnn.runtime.sinks.base import Sink

__all__ = ["ELSEWHERE", "Replay", "open_model", "replay_session"]

#: On another machine, provider or version: scores, and pixels of boxes relative to their size.
ELSEWHERE = Tolerance(absolute=2e-3, relative=2e-3)
_EXACT = Tolerance()


@dataclass
class Replay:
    """What deriving a session again came to.

    Attributes
    ----------
    folder : str
    compared, different : int
        Answers, and those of them that are not the same.
    exact : bool
        Whether bits had to be equal; else ``tolerance`` was allowed.
    why : list of str
        What is not as it was then; empty where bits have to be equal.
    tolerance : dict
    first : dict or None
        The first difference: ``frame``, ``source``, ``key``, ``recorded``, ``derived``.
    keys : dict
        How many answers differ in each key.
    lost : int
        Answers that were given then and not kept, because the disk was too slow.
    ended : str or None
        How the session ended; None where it was killed: it is whole up to its last frame.
    dropped : int
        Frames that the live stream skipped.
    provider, nodes_on_provider : str
        Of this run.
    seconds : float
    """

    folder: str
    compared: int = 0
    different: int = 0
    exact: bool = True
    why: list[str] = field(default_factory=list)
    tolerance: dict[str, float] = field(default_factory=dict)
    first: dict[str, Any] | None = None
    keys: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    ended: str | None = None
    dropped: int = 0
    provider: str = ""
    nodes_on_provider: str = ""
    seconds: float = 0.0


def open_model(manifest: Manifest, *, model: str | None, provider: str | None) -> Model:
    """Open a session's model as it was opened then.

    Parameters
    ----------
    manifest : Manifest
    model : str, optional
        Another file, to be compared with the session's.
    provider : str, optional
        Another provider than the session's.

    Raises
    ------
    ModelError
        The session's file is another one by now.
    EdgeCNNError
        It cannot be opened, see :func:`~edgecnn.runtime.session.load_model`.
    """
    name = model or manifest.model
    path = resolve_model(name)
    if model is None and path.is_file() and sha256_of(path) != manifest.model_sha256:
        raise ModelError(
            f"{path} is not the file that the session ran: its SHA-256 is another",
            hint="--model names the right one, or one to compare with",
        )
    stored = msgspec.json.encode(manifest.contract).decode()
    contract = decode_metadata(stored) if manifest.foreign else None

    def load(contract: ModelMetadata | None) -> Model:
        return load_model(
            name,
            provider=provider or manifest.provider,
            threads=manifest.threads,
            check=False,
            spinning=False,
            contract=contract,
        )

    if model is None:
        return load(contract)
    try:
        return load(None)
    except MetadataError:
        if contract is None:
            raise
        return load(contract)


def replay_session(
    folder: Path,
    manifest: Manifest,
    model: Model,
    make_processor: Callable[[Model, SavedFrames], Processor],
    *,
    tolerance: Tolerance | None = None,
    progress: Callable[[int], None] = lambda compared: None,
) -> Replay:
    """Run the frames of a session through a model again and compare what it says.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    model : Model
        From :func:`open_model`.
    make_processor : callable
        Makes the session's processor for the model and the saved frames.
    tolerance : Tolerance, optional
        The default asks for equal bits where machine, provider, versions and model are those of
        the session, and allows :data:`ELSEWHERE` where they are not.
    progress : callable
        Hears how many answers were compared.

    Raises
    ------
    DataError
        The log of frames is damaged.
    """
    why = _changed(manifest, model, sha256_of(model.path))
    allowed = tolerance or (ELSEWHERE if why else _EXACT)
    frames = SavedFrames(folder, manifest)
    compared = _Compare(frames, allowed, progress)
    processor = make_processor(model, frames)
    started = time.perf_counter()
    Pipeline(frames, processor, [compared]).run()
    for row in frames.rows:
        compared.judge(row, None)
    found = compared.found
    found.folder, found.exact, found.why = str(folder), allowed.exact, why
    found.tolerance = {"absolute": allowed.absolute, "relative": allowed.relative}
    found.lost = frames.lost
    if frames.summary is not None:
        found.ended = frames.summary["ended"]
        found.dropped = frames.summary["dropped"]
    found.provider = processor.provider
    found.nodes_on_provider = processor.nodes_on_provider
    found.seconds = round(time.perf_counter() - started, 3)
    return found


class _Compare(Sink):
    """Compares each answer with the row that the session has of it."""

    def __init__(
        self, frames: SavedFrames, tolerance: Tolerance, progress: Callable[[int], None]
    ) -> None:
        self.found = Replay("")
        self._frames = frames
        self._tolerance = tolerance
        self._progress = progress
        self._at: dict[str, Any] = {}

    def write(self, answer: Answer) -> None:
        if not self._frames.rows:
            # Said once more than the killed session got to write.
            return
        self.judge(self._frames.rows.popleft(), result_row(answer.result))
        self._progress(self.found.compared)

    def judge(self, record: dict[str, Any], derived: dict[str, Any] | None) -> None:
        """Compare one row; None stands for an answer that did not come again."""
        found, recorded = self.found, record["result"]
        self._at = record.get("frame", self._at)
        if derived is None:
            differences = [Difference("answer", recorded["label"], None)]
        else:
            differences = compare_rows(recorded, derived, self._tolerance)
        found.compared += 1
        if "ledger" in record:
            found.dropped = record["ledger"]["dropped"]
        if not differences:
            return
        found.different += 1
        for key in {difference.key for difference in differences}:
            found.keys[key] = found.keys.get(key, 0) + 1
        if found.first is None:
            first = differences[0]
            found.first = {
                "frame": self._at.get("number"),
                "source": self._at.get("source"),
                "key": first.key,
                "recorded": first.recorded,
                "derived": first.derived,
            }


def _changed(manifest: Manifest, model: Model, sha256: str) -> list[str]:
    """List what is not as it was in the session."""
    now, then = describe_computer(), manifest.computer
    why = []
    if sha256 != manifest.model_sha256:
        why.append(f"model: {model.path}, then {manifest.model}")
    if model.placement.provider != manifest.provider:
        why.append(f"provider: {model.placement.provider}, then {manifest.provider}")
    if (now.cpu, now.architecture, now.int8) != (then.cpu, then.architecture, then.int8):
        why.append(f"processor: {now.cpu}, then {then.cpu}")
    for name in sorted(now.packages.keys() | then.packages.keys()):
        here, there = now.packages.get(name, "none"), then.packages.get(name, "none")
        if here != there:
            why.append(f"{name}: {here}, then {there}")
    return why
