"""What a training gave, and the files that tell of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from edgecnn.errors import TrainingError
from edgecnn.files import write_text
from edgecnn.metadata import Accuracy, Intervention, ModelMetadata
from edgecnn.training.fit_state import EpochResult, FitState

__all__ = ["SUMMARY_NAME", "TrainSummary", "metrics_csv", "read_summary", "write_results"]

SUMMARY_NAME = "summary.json"


class TrainSummary(Struct, frozen=True, kw_only=True):
    """What a training gave; ``summary.json``.

    Attributes
    ----------
    recipe, architecture : str
    parameters, epochs, kept_epoch : int
        ``kept_epoch`` is the epoch whose weights are in the checkpoint.
    train_samples, validation_samples : int
    validation : EpochResult
        The kept epoch.
    test : Accuracy, optional
        On the test set, which was read for nothing else.
    seconds : float
        Spent in epochs, resumed parts included.
    threads : int
    machine, folder : str
    interventions : tuple of Intervention
        What a person changed while it ran, so that the recipe alone does not repeat it.
    """

    recipe: str
    architecture: str
    parameters: int
    epochs: int
    kept_epoch: int
    train_samples: int
    validation_samples: int
    validation: EpochResult
    test: Accuracy | None
    seconds: float
    threads: int
    machine: str
    folder: str
    interventions: tuple[Intervention, ...] = ()


def write_results(
    folder: Path, state: FitState, metadata: ModelMetadata, summary: TrainSummary
) -> None:
    """Write a training's table of epochs, its pictures and its summary into a folder."""
    from edgecnn.training.figures import draw_confusion, draw_curves

    write_text(folder / "metrics.csv", metrics_csv(state.history))
    draw_curves(state.history, folder / "curves.png", title=metadata.name)
    if summary.test is not None and summary.test.confusion:
        draw_confusion(summary.test, metadata.labels, folder / "confusion.png")
    encoded = msgspec.json.format(msgspec.json.encode(summary), indent=1)
    write_text(folder / SUMMARY_NAME, encoded.decode() + "\n")


def metrics_csv(history: Sequence[EpochResult]) -> str:
    """Return the table of epochs, of which there is one at least."""
    text = io.StringIO()
    rows = [msgspec.to_builtins(result) for result in history]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_summary(folder: Path) -> TrainSummary:
    """Return the summary of a training that is done.

    Raises
    ------
    TrainingError
        It is not there, or no summary.
    """
    path = folder / SUMMARY_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainSummary)
    except (OSError, msgspec.DecodeError) as error:
        raise TrainingError(
            f"the training in {folder} is done, but {path} cannot be read: {error}"
        ) from error
