"""`edgecnn live`: a source, a processor and the sinks that were asked for, run to the end."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import cv2

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Summary
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.output_sinks import OutputSinks
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Processor
from edgecnn.runtime.signals import stop_on_signals
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.drift_remarks import DriftRemarks
from edgecnn.runtime.sinks.systemd import Systemd
from edgecnn.runtime.slo import Slo
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.watchdog import Patience

if TYPE_CHECKING:
    from edgecnn.runtime.saved.saving import SaveSession

__all__ = ["Engine", "run_live"]

#: Answers that may wait to be saved, each with its frame.
_SAVING_ROOM = 16


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What a stream does when one of its stages hangs.

    Attributes
    ----------
    patience : Patience
    renew, cancel, leave : callable or None
        See :class:`~edgecnn.runtime.pipeline.Pipeline`.
    """

    patience: Patience = field(default_factory=Patience)
    renew: Callable[[], Source] | Sequence[Callable[[], Source]] | None = None
    cancel: Callable[[], None] | None = None
    leave: Callable[[EdgeCNNError], None] | None = None


def run_live(
    source: Source | Sequence[Source],
    processor: Processor,
    *,
    outputs: Outputs | None = None,
    settings: SourceSettings | None = None,
    frames: int | None = None,
    promises: Sequence[Slo] = (),
    saving: SaveSession | None = None,
    engine: Engine | None = None,
    opening: str = "",
    controls: Controls | None = None,
    out: IO[str] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Summary:
    """Run a stream until its source ends, a signal comes, or ``frames`` were answered.

    Parameters
    ----------
    source : Source or sequence of Source
        Not yet opened.
    processor : Processor
    outputs : Outputs, optional
        Where the answers go; the default is text for people on ``out``.
    settings : SourceSettings, optional
        How long a source may say nothing, and which of its frames are answered.
    frames : int, optional
        End after so many answers.
    promises : sequence of Slo
        What the summary has to keep.
    saving : SaveSession, optional
        Keeps the session as well.
    engine : Engine, optional
        What is done when a stage hangs.
    opening : str
        A remark that ``say`` hears when source and sinks are open, and not if one cannot be.
    controls : Controls, optional
        What people may change while it runs; for a processor that heeds it.
    out : text file, optional
        The default is ``sys.stdout``.
    say : callable
        Hears remarks: the page's address, why there is no window.

    Returns
    -------
    Summary

    Raises
    ------
    UsageError
        An output cannot be meant so; raised before anything is opened.
    EdgeCNNError
        The source failed or stalled, a sink could not be opened, or frames could not be answered:
        one is enough where every frame counts, as in a file or folder; of a live source, which
        goes on, all of them; or a promise was broken. The sinks got their summary before.
    """
    # What is drawn and resized is small: OpenCV's threads would only get in the network's way.
    cv2.setNumThreads(1)
    alone = None if isinstance(source, Sequence) else source
    stdout = out if out is not None else sys.stdout
    giving = OutputSinks(outputs or Outputs(), stdout, say, alone)
    sinks = [*giving.sinks, DriftRemarks(say)]
    kept = None if saving is None else Background(saving, room=_SAVING_ROOM, name="session")
    if kept is not None:
        sinks.append(kept)
    remarks = [text for text in (opening, *giving.remarks) if text]
    if remarks:
        sinks.append(_Opening("\n".join(remarks), say))
    if (systemd := Systemd.from_environment()) is not None:
        # The last to be opened and the first to be closed.
        sinks.append(systemd)
    settings = settings or SourceSettings()
    engine = engine or Engine()
    pipeline = Pipeline(
        source,
        processor,
        sinks,
        frames=frames,
        renew=engine.renew,
        patience=engine.patience,
        cancel=engine.cancel,
        leave=engine.leave,
        say=say,
        controls=controls,
        # A driver that does not keep to its own limit is given up, not waited for.
        stall_s=2 * settings.read_s,
        open_s=2 * settings.open_s + 4,
        settings=settings,
    )
    with stop_on_signals(pipeline.stop):
        summary = pipeline.run()
    for text in giving.outcome():
        say(text)
    if kept is not None and saving is not None:
        lost = f", {kept.lost} left out: the disk was too slow" if kept.lost else ""
        size = f"{saving.bytes / 1e6:.1f} MB"
        say(f"session: {saving.folder} ({saving.written} answers, {size}{lost})")
    _check_answered([source] if not isinstance(source, Sequence) else source, summary)
    broken = [text for promise in promises if (text := promise.broken(summary))]
    if broken:
        raise EdgeCNNError(f"missed: {'; '.join(broken)}", hint="stages_ms tells where time went")
    return summary


def _check_answered(sources: Sequence[Source], summary: Summary) -> None:
    """Raise where a file, folder or recording has failed frames, or a live source no others."""
    counts = {summary.source: dataclasses.asdict(summary)}
    if len(sources) > 1:
        counts = dict(summary.sources)
    for source, (name, count) in zip(sources, counts.items(), strict=True):
        if count["failed"] and not (source.live and count["processed"]):
            raise EdgeCNNError(
                f"{count['failed']} of {count['captured']} frames from {name}"
                " could not be answered",
                hint="--json gives the reason of each",
            )


class _Opening(Sink):
    """Says something when the stream starts."""

    def __init__(self, text: str, say: Callable[[str], None]) -> None:
        self._text = text
        self._say = say

    def open(self, stream: StreamInfo) -> None:
        """Say it."""
        self._say(f"{self._text}\nfrom {stream.source}" if self._text else f"from {stream.source}")
