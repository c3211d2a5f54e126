"""The training page: a watcher that publishes, and a person's hand on the controls."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import msgspec

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.models.auxiliary import deployed_parameters
from edgecnn.training.controls import Controls
from edgecnn.training.fit_state import FitState
from edgecnn.training.page.curve import Curve, Point, quality
from edgecnn.training.page.examples import ShownExamples, choose_examples, draw_examples
from edgecnn.training.page.snapshot import take_snapshot
from edgecnn.training.page.standing import Place, RunningMeans, describe_recipe
from edgecnn.training.recipe import Recipe
from edgecnn.training.watcher import PreparedTraining, Watcher
from edgecnn.web.address import Address
from edgecnn.web.train_page import TrainPage

__all__ = ["TrainingPage"]

#: Between two publications of figures, with a client and without.
_FIGURES_S = 0.5
_UNWATCHED_S = 1.0
#: Between two snapshots at least; and their share of the time at most.
_SNAPSHOT_S = 2.0
_SNAPSHOT_SHARE = 0.02
_MOST_INTERVENTIONS = 50


class TrainingPage(Watcher):
    """Shows a training in browsers while it runs, and lets them change it.

    A context: inside it the page is served. An error that leaves the context is the last thing
    that the page tells.

    Parameters
    ----------
    recipe : Recipe
    address : Address
    token : str, optional
        See :class:`~edgecnn.web.server.WebServer`.

    Attributes
    ----------
    controls : Controls
        For the fit loop; the page turns them.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    EdgeCNNError
        The address is in use, or not this machine's.
    """

    def __init__(self, recipe: Recipe, address: Address, *, token: str | None = None) -> None:
        self.controls = Controls()
        self._recipe = recipe
        self._page = TrainPage(address, self._obey, token=token)
        self._curve = Curve(self._draw, self._redraw)
        self._about = describe_recipe(recipe)
        self._state: FitState | None = None
        self._examples: ShownExamples | None = None
        self._labels: tuple[str, ...] = ()
        self._phase, self._ending = "preparing", ""
        self._waiting = False
        self._at = Place()
        self._means = RunningMeans()
        self._right = (0, 0)
        self._rate: float | None = None
        self._marks: list[dict[str, Any]] = []
        self._published = self._next_look = 0.0
        self._snapshots = 0

    @property
    def url(self) -> str:
        """The address to open."""
        return self._page.url

    def __enter__(self) -> TrainingPage:
        self._page.describe(self._about)
        self._page.start()
        self._publish()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._phase = "done"
        elif isinstance(error, EdgeCNNError):
            self._phase, self._ending = "failed", error.message
        elif isinstance(error, KeyboardInterrupt):
            self._phase, self._ending = "stopped", "stopped by hand; --resume goes on with it"
        else:
            self._phase, self._ending = "failed", "the training came to an unexpected end"
        self._page.end(self._status())

    def tell(self, ending: str) -> None:
        """Set the sentence that the page closes with."""
        self._ending = ending

    def prepared(self, training: PreparedTraining) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._state, self._labels = training.state, training.labels
        self._curve.resumed(training.state.history)
        validation = training.validation
        self._about |= {
            "parameters": deployed_parameters(training.state.module),
            "classes": len(training.labels),
            "training": len(training.train),
            "validation": len(validation),
        }
        if self._recipe.task != "classify":
            self._about["note"] = (
                f"Of a network with the task {self._recipe.task}, curves and controls are shown."
            )
        else:
            if not len(validation):
                self._about["examples_title"] = "Training examples, as drawn"
                validation = draw_examples(training.train)
            self._examples = choose_examples(validation, training.labels, training.spec)
            self._about["examples"] = self._examples.cards

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        ranges = self.controls.ranges
        self._about["ranges"] = {n: msgspec.to_builtins(each) for n, each in ranges.items()}
        self._about["version"] += 1
        self._page.describe(self._about)
        self._at = Place(first_epoch, epochs, 0, steps)
        self._phase = "training"
        self._publish()

    def begin(self, epoch: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._at = Place(epoch, self._at.epochs, 0, steps)
        self._means.forget_speed()

    def paused(self) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        if not self._waiting:
            # There is nothing to slow down: show how things stand.
            self._next_look = 0.0
        self._waiting = True
        self._means.forget_speed()
        self._look()
        self._publish()

    def answered(self, hits: int, answers: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._right = (hits, answers)

    def step(self, epoch: int, step: int, loss: float) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        assert self._state is not None
        self._waiting = False
        self._at.step = step
        group = self._state.optimizer.param_groups[-1]
        self._rate = float(group["lr"]) / float(group["factor"])
        self._means.add(loss, *self._right)
        self._curve.add(self._at.done, loss, *self._right, self._rate)
        self._mark()
        now = time.perf_counter()
        if now >= self._next_look:
            self._look()
        due = _FIGURES_S if self._page.watched else _UNWATCHED_S
        if now - self._published >= due:
            self._publish()

    def epoch(self, state: FitState) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._curve.validated(state.history[-1])
        self._publish()

    def end(self) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._waiting = False
        # What stays on the page is how it ended.
        self._next_look = 0.0
        self._look()
        self._phase = "testing"
        self._publish()

    def _obey(self, wish: Mapping[str, object]) -> None:
        """Do what the page asks for; on the server's thread."""
        if set(wish) == {"set", "value"}:
            self.controls.change(str(wish["set"]), wish["value"])
        elif wish == {"pause": True}:
            self.controls.pause()
        elif wish == {"pause": False}:
            self.controls.resume()
        else:
            raise UsageError("this page knows no such control")
        self._publish()

    def _draw(self, point: Point) -> None:
        self._page.draw(point.row)

    def _redraw(self, points: Sequence[Point]) -> None:
        self._page.redraw([point.row for point in points])

    def _look(self) -> None:
        """Take a snapshot if anyone looks on and it is time; it stays a small share of it."""
        now = time.perf_counter()
        if self._examples is None or not self._page.watched or now < self._next_look:
            return
        assert self._state is not None
        state = self._state
        snapshot = take_snapshot(state.module, state.average.module, self._examples, self._labels)
        snapshot["epoch"], snapshot["step"] = self._at.epoch, self._at.step
        self._page.show(snapshot)
        self._snapshots += 1
        took = time.perf_counter() - now
        self._next_look = now + max(_SNAPSHOT_S, 0.0 if self._waiting else took / _SNAPSHOT_SHARE)

    def _mark(self) -> None:
        """Note where on the curves something was changed by hand."""
        assert self._state is not None
        changes = self._state.interventions
        for change in changes[len(self._marks) :]:
            # Before this page was there, the number of steps was perhaps another one.
            at = change.epoch - 1 + (change.step - 1) / max(self._at.steps, change.step)
            self._marks.append({**msgspec.to_builtins(change), "at": round(at, 4)})

    def _publish(self) -> None:
        self._published = time.perf_counter()
        self._page.publish(self._status())

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "about": self._about["version"],
            "phase": self._shown_phase(),
            "ending": self._ending,
            "snapshot": self._snapshots,
        }
        state = self._state
        if state is None:
            return status
        status |= {
            "epoch": self._at.epoch,
            "epochs": self._at.epochs,
            "step": self._at.step,
            "steps": self._at.steps,
            "done": round(self._at.done, 4),
            "loss": self._means.loss,
            "accuracy": self._means.accuracy,
            "steps_per_s": self._means.speed,
            "rate": self._rate,
            "remaining_s": self._remaining_s(state),
            "knobs": msgspec.to_builtins(state.knobs),
            "wanted": msgspec.to_builtins(self.controls.wanted) if self.controls.ranges else None,
            "interventions": self._marks[-_MOST_INTERVENTIONS:],
            "changes": len(state.interventions),
            "epochs_done": state.epoch,
        }
        if state.history and state.history[-1].validation_loss is not None:
            name, value = quality(state.history[-1])
            status["validation"] = {
                "loss": state.history[-1].validation_loss,
                "quality": value,
                "name": name,
                "best_epoch": state.best_epoch,
            }
        return status

    def _shown_phase(self) -> str:
        if self._phase != "training" or not (self.controls.paused or self._waiting):
            return self._phase
        if not self.controls.paused:
            return "training"
        return "paused" if self._waiting else "pausing"

    def _remaining_s(self, state: FitState) -> float | None:
        left = self._at.epochs - self._at.done
        recent = [result.seconds for result in state.history[-3:]]
        if recent:
            return sum(recent) / len(recent) * left
        if self._means.speed:
            return left * self._at.steps / self._means.speed
        return None
