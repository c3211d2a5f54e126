"""What watches the stages of a stream: capture, processing, and each sink.

A stage that hangs in a call (a driver, a file on a network, a full pipe) cannot be stopped from
outside: a thread ends when its call returns, if ever. So the thread is left to itself and another
takes its place, where the stage knows how; where it does not, or it hangs again and again, the
stream ends with an error instead of standing still.

A process that is stopped as a whole (``SIGSTOP``, a frozen container, a virtual machine that is put
to sleep) hangs nowhere: the clock goes on while none of its threads does. The watchdog notices that
it was not woken itself, and that time counts against nobody.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from edgecnn.errors import EdgeCNNError

__all__ = ["Patience", "Watchdog", "Watched"]

#: How often it looks: what hangs is reported so much later than its time is up, at most.
_LOOK_S = 0.1
#: Woken later than this, it was not the stages that stood still but the process.
_LATE_S = 0.5
#: How many such times are remembered: none outlasts a stage's limit for long.
_PAUSES = 64


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long stages may take, and how often they may be replaced.

    Attributes
    ----------
    stage_s : float
        A call of the model or of a sink that takes longer hangs.
    restarts, within_s : int, float
        A stream whose stages were replaced ``restarts`` times within ``within_s`` seconds is given
        up when one hangs again.
    """

    stage_s: float = 10.0
    restarts: int = 5
    within_s: float = 600.0


class Watched(Protocol):
    """A stage, as the watchdog sees it.

    Attributes
    ----------
    title : str
        For people: ``"capture of camera 0"``.
    key : str
        For the summary: ``"capture"``, ``"process"``, a sink's name.
    limit_s : float
        How long it may be busy with one thing.
    busy_since : float or None
        ``time.monotonic()`` when it began what it does; None while it waits for work.
    """

    @property
    def title(self) -> str:
        """Name it for people."""
        ...

    @property
    def key(self) -> str:
        """Name it in the summary."""
        ...

    @property
    def limit_s(self) -> float:
        """Say how long it may be busy with one thing."""
        ...

    @property
    def busy_since(self) -> float | None:
        """Say since when it has been."""
        ...

    def revive(self) -> bool:
        """Leave what hangs to itself and put something in its place; False if it cannot."""
        ...

    def abandon(self, error: EdgeCNNError) -> None:
        """Have the stream end with an error, whatever becomes of what hangs."""
        ...


class Watchdog(threading.Thread):
    """Looks after stages, on a thread of its own.

    Parameters
    ----------
    stages : callable
        Lists the stages of the moment.
    patience : Patience
    say : callable
        Hears what hangs and what was done about it.

    Attributes
    ----------
    stalls : dict
        How often each stage hung, by its key.
    restarts : int
        How often one was replaced.
    """

    def __init__(
        self,
        stages: Callable[[], Iterable[Watched]],
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._stages = stages
        self._patience = patience
        self._say = say
        self._over = threading.Event()
        self._told: dict[int, float] = {}
        self._restarted: deque[float] = deque()
        self._pauses: deque[tuple[float, float]] = deque(maxlen=_PAUSES)
        self.stalls: dict[str, int] = {}
        self.restarts = 0

    def run(self) -> None:
        """Look until the end."""
        looked = time.monotonic()
        while not self._over.wait(_LOOK_S):
            now = time.monotonic()
            if now - looked > _LOOK_S + _LATE_S:
                self._pauses.append((looked + _LOOK_S, now))
            # From here on: it may be stopped while it looks, too.
            looked = now
            for stage in self._stages():
                since = stage.busy_since
                if since is None or self._told.get(id(stage)) == since:
                    continue
                if self._awake_s(since, now) > stage.limit_s:
                    self._told[id(stage)] = since
                    self._stalled(stage)

    def end(self) -> None:
        """Look no more."""
        self._over.set()

    def _awake_s(self, since: float, now: float) -> float:
        """Return the seconds since then in which the process ran."""
        asleep = sum(max(0.0, end - max(begin, since)) for begin, end in self._pauses)
        return now - since - asleep

    def _stalled(self, stage: Watched) -> None:
        now = time.monotonic()
        self.stalls[stage.key] = self.stalls.get(stage.key, 0) + 1
        what = f"{stage.title} hangs: nothing for {stage.limit_s:g} s"
        while self._restarted and now - self._restarted[0] > self._patience.within_s:
            self._restarted.popleft()
        if len(self._restarted) >= self._patience.restarts:
            times = f"{self._patience.restarts} restarts within {self._patience.within_s:g} s"
            stage.abandon(EdgeCNNError(f"{what}; given up after {times}", hint=_HINT))
        elif stage.revive():
            self._restarted.append(now)
            self.restarts += 1
            self._say(f"{what}; restarted")
        else:
            stage.abandon(EdgeCNNError(what, hint=_HINT))


_HINT = "is the device still connected, the network up, the disk there?"
