"""The protocol between the pipeline and a task: a frame in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["Processor", "Result"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a processor says about one frame.

    Attributes
    ----------
    label : str
        The answer, ``"unknown"`` when ``state`` is ``"unknown"``; ``""`` where the picture that
        :attr:`draw` makes is the answer.
    score : float
        0..1.
    top : tuple of (label, score)
        The best labels, best first; may be empty.
    state : "ok" or "unknown"
        No answer is an answer: ``"unknown"`` comes with a ``reason``.
    reason : str
        Why there is no label.
    cause : str
        The same in one word that is equal for all frames of the kind (``"black"``,
        ``"low-score"``): what summaries count by.
    aside : str
        What people are told besides the label: figures that change slowly.
    events : tuple of str
        What happened with this frame, for people: a line each.
    fields : mapping
        More keys for the frame's JSON line (plain data); they replace none of the agreed ones.
    draw : callable or None
        Makes the picture that people see, shape ``(H, W, 3)``, uint8 BGR, with what the task itself
        draws (boxes, a trace) but without label and figures: those are the overlay's. Called at
        most once per result, only when someone looks, perhaps later and on another thread. It must
        not change the frame. None: the frame's own picture is shown.
    draws_labels : bool
        Whether that picture says label and score itself, at each box: the overlay's panel would
        only hide some of it.
    stages_ms : mapping of str to float
        Where the time went: ``prepare``, ``infer``, ``decode``, and ``watch`` for drift and maps.
    """

    label: str
    score: float
    top: tuple[tuple[str, float], ...] = ()
    state: Literal["ok", "unknown"] = "ok"
    reason: str = ""
    cause: str = ""
    aside: str = ""
    events: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[[], Picture] | None = None
    draws_labels: bool = False
    stages_ms: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def unknown(reason: str, cause: str = "") -> Result:
        """Return the answer of a frame without one."""
        return Result(UNKNOWN, 0.0, state="unknown", reason=reason, cause=cause)


class Processor(Protocol):
    """Turns frames into results; called from one thread, in the order of the frames.

    A processor may remember earlier frames (a signal's does); what it still has to say when the
    stream ends, :meth:`finish` returns.

    Attributes
    ----------
    title : str
        The model's name, for people.
    provider : str
        Execution provider that runs it: ``"cpu"``, ``"cuda"``, ...
    nodes_on_provider : str
        Proof of the placement, as ``"57/57"``.
    card : mapping
        Facts about the model for people, in order: title of the fact to its text.
    """

    @property
    def title(self) -> str:
        """Name the model."""
        ...

    @property
    def provider(self) -> str:
        """Name the execution provider."""
        ...

    @property
    def nodes_on_provider(self) -> str:
        """Count the nodes that the provider runs, of all."""
        ...

    @property
    def card(self) -> Mapping[str, str]:
        """State facts about the model."""
        ...

    def process(self, frame: Frame) -> Result:
        """Answer one frame.

        Raises
        ------
        EdgeCNNError
            This frame cannot be answered. It is counted as failed, its state is ``"unknown"``
            with the error's message as reason, and the next frame follows.
        """
        ...

    def finish(self) -> Result | None:
        """Say what is still to be said after the last frame."""
        ...
