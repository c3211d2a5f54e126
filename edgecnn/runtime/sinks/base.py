"""The protocol of what receives answers: terminal, window, page, recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.watchdog import Watched

__all__ = ["Sink", "StreamInfo"]


@dataclass(frozen=True)
class StreamInfo:
    """What a sink is told when the stream starts.

    Attributes
    ----------
    source, model : str
        For people.
    live : bool
        Whether the source goes on regardless of who keeps up.
    fps : float or None
        Nominal frame rate of the source.
    card : mapping of str to str
        Facts about the model.
    stop : callable
        Ends the stream, cleanly, for the reason given; may be called from any thread.
    controls : Controls
        What may be changed while it runs.
    counts : callable
        Returns the ledger of this moment; may be called from any thread.
    lost : callable
        Returns how many answers each sink with a queue has lost so far, by its name; likewise.
    events : callable
        Returns how often something happened that needs no answer of its own: ``reconnects``,
        ``duplicates``, ``skipped``, ``restarts``; likewise.
    stalls : callable
        Returns how often each stage hung so far: ``capture``, ``process``, a sink's name; likewise.
    stage_s : float
        A sink that takes longer for one answer hangs.
    reopening : callable
        Tells whether the source was lost and is being opened again; may be called from any thread.
    sources : sequence of str
        What frames are called by, if there are several sources.
    """

    source: str
    model: str
    live: bool
    fps: float | None
    card: Mapping[str, str]
    stop: Callable[[str], None]
    controls: Controls = field(default_factory=Controls)
    counts: Callable[[], LedgerCounts] = lambda: LedgerCounts(0, 0, 0, 0, 0)
    lost: Callable[[], dict[str, int]] = dict
    events: Callable[[], dict[str, int]] = dict
    stalls: Callable[[], dict[str, int]] = dict
    stage_s: float = 10.0
    reopening: Callable[[], bool] = lambda: False
    sources: Sequence[str] = ()


class Sink:
    """Receives the answers of one stream; each method does nothing unless overridden.

    All methods are called from the pipeline's thread. A sink that raises ends the stream.

    Attributes
    ----------
    name : str
        What it is called in the summary, where its losses are told; empty: it cannot lose any.
    lost : int
        Answers that it was given and had no room for.
    any_thread : bool
        Whether it may be closed from another thread, when the pipeline's hangs.
    """

    name: str = ""
    lost: int = 0
    any_thread: bool = True

    def open(self, stream: StreamInfo) -> None:
        """Get ready, before the first answer."""

    def write(self, answer: Answer) -> None:
        """Take one answer; what takes longer than a frame belongs on another thread."""

    def idle(self) -> None:
        """Get a turn about ten times a second while no frame comes."""

    def watched(self) -> Sequence[Watched]:
        """Return what of it works on threads of its own, of this moment; from another thread."""
        return ()

    def renew(self) -> Sink | None:
        """Return a sink, not yet opened, to go on in place of this one, whose ``write`` hangs.

        Called from another thread; None where nothing can take over: the stream ends then.
        """
        return None

    def close(self, summary: Summary | None) -> None:
        """Finish, also after an error; ``summary`` is None when the stream never started."""
