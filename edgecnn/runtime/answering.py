"""What was asked of a stream's answers, and the processor that gives them so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from edgecnn.errors import UsageError
from edgecnn.metadata import ImageInput
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.drift_watch import watch_drift
from edgecnn.runtime.explained import Explained
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gated import GatedProcessor
from edgecnn.runtime.gates.base import Gate
from edgecnn.runtime.gates.black import Black
from edgecnn.runtime.gates.corrupt import Corrupt
from edgecnn.runtime.gates.frozen import Frozen
from edgecnn.runtime.gates.shape import Shape
from edgecnn.runtime.gates.stale import Stale
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.origin import Origin
from edgecnn.runtime.outlier import Outlier
from edgecnn.runtime.processor import Processor
from edgecnn.runtime.seen import After, Seen
from edgecnn.runtime.session import Model
from edgecnn.runtime.smoothed import SmoothedProcessor
from edgecnn.runtime.smoothing.settings import make_smoother

__all__ = ["GATES", "Answering", "answer_pictures", "judged_model"]

#: What ``--no-gate`` knows, and what each refuses.
GATES: dict[str, str] = {
    "shape": "no picture of three 8-bit channels, or fewer than 8 pixels a side",
    "stale": "a live frame that waited too long",
    "corrupt": "a lower part that was not decoded",
    "black": "black, or one colour all over",
    "frozen": "the same live picture for too long",
    "outlier": "what is like nothing that the file was calibrated with, where it tells",
}

#: Of the time, for maps that are switched on while it runs.
_SHARE = 0.2
#: Tasks whose answers are labels; a picture made from a black one is black, and right.
_LABELLING = ("classify", "detect")


@dataclass(frozen=True, kw_only=True)
class Answering:
    """When a frame is answered, and when with "unknown".

    Attributes
    ----------
    without : tuple of str
        Gates of :data:`GATES` that are left out.
    frozen_s : float
        A live picture that does not change for so long is frozen.
    stale_s : float
        A live frame that waited longer for its turn is stale.
    min_score : float, optional
        In place of the contract's.
    smooth : str
        ``exponential=0.5s``, ``majority=9``, or empty for frame by frame.
    drift : bool
        Watch it, where the file has a baseline.
    drift_frames : int
        Length of the window that is compared.
    explain : float
        Share of the time that may go to class-activation maps; 0 where they are not asked for.
    """

    without: tuple[str, ...] = ()
    frozen_s: float = 5.0
    stale_s: float = 2.0
    min_score: float | None = None
    smooth: str = ""
    drift: bool = True
    drift_frames: int = 240
    explain: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be smoothed by."""
        if self.smooth:
            make_smoother(self.smooth)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, for :meth:`from_plain`."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_plain(data: object) -> Answering:
        """Read what :meth:`plain` gave."""
        return msgspec.convert(data, Answering)

    def gates(self, origin: Origin) -> tuple[Gate, ...]:
        """Make the gates of one source, the cheap ones first."""
        made: dict[str, Gate] = {"shape": Shape()}
        if origin.live:
            made["stale"] = Stale(self.stale_s)
        if not origin.drawn:
            made["corrupt"] = Corrupt()
        made["black"] = Black()
        if origin.live and not origin.drawn:
            made["frozen"] = Frozen(self.frozen_s)
        return tuple(gate for name, gate in made.items() if name not in self.without)


def judged_model(model: Model, answering: Answering) -> Model:
    """Return a model whose contract has the ``min_score`` that was asked for.

    Raises
    ------
    UsageError
        It gives no labels that could be judged, or smoothed.
    """
    if answering.explain and not isinstance(model.metadata.input, ImageInput):
        raise UsageError(
            f"--explain draws over pictures, and {model.metadata.name} reads none",
            hint="`edgecnn explain` draws what an ECG's or a text's answer rests on",
        )
    if answering.smooth and not _smoothable(model):
        raise UsageError(
            f"--smooth is for labels of pictures, and {model.metadata.name} gives none",
            hint="leave it out",
        )
    if answering.min_score is None:
        return model
    if model.metadata.task not in _LABELLING:
        raise UsageError(
            f"--min-score is for labels, and {model.metadata.name} gives none",
            hint="leave it out",
        )
    output = msgspec.structs.replace(model.metadata.output, min_score=answering.min_score)
    metadata = msgspec.structs.replace(model.metadata, output=output)
    return dataclasses.replace(model, metadata=metadata)


def answer_pictures(
    model: Model,
    answering: Answering,
    *,
    origin: Callable[[Frame], Origin],
    controls: Controls | None = None,
) -> tuple[Processor, Sequence[str]]:
    """Return the processor of a picture model, and what is worth saying when it starts.

    Parameters
    ----------
    model : Model
        With a picture input.
    answering : Answering
    origin : callable
        Tells where a frame came from: each of several sources has gates and a clock of its own.
    controls : Controls, optional
        Where maps may be switched on and off.

    Raises
    ------
    UsageError
        Something that the model's task does not have.
    TaskError
        The model reads no pictures, or has no maps that were asked for.
    """
    model = judged_model(model, answering)

    def clock(frame: Frame) -> float:
        of = origin(frame)
        rate = None if of.live else of.fps
        return frame.number / rate if rate else frame.captured_ns / 1e9

    after: list[After] = []
    remarks: list[str] = []
    if answering.drift:

        def looked_at(seen: Seen) -> float | None:
            return seen.frame.captured_ns / 1e9 if origin(seen.frame).live else None

        monitor, said = watch_drift(model, clock=looked_at, frames=answering.drift_frames)
        remarks.append(said)
        if monitor is not None:
            after.append(monitor)
    baseline = model.baseline
    usual = baseline.find("energy") if baseline is not None else None
    if usual is not None and "outlier" not in answering.without:
        after.append(Outlier(usual, model.metadata.output))
    if controls is not None:
        share = answering.explain or _SHARE
        controls.explain = controls.explain or answering.explain > 0
        after.append(Explained(model, controls, share=share))
    processor: Processor = ImageProcessor(model, after=after)
    if model.metadata.task in _LABELLING:
        processor = GatedProcessor(processor, lambda frame: answering.gates(origin(frame)))
    if answering.smooth:
        processor = SmoothedProcessor(processor, partial(make_smoother, answering.smooth), clock)
    return processor, remarks


def _smoothable(model: Model) -> bool:
    return model.metadata.task in _LABELLING and isinstance(model.metadata.input, ImageInput)
