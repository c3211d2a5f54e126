"""A training's figures for TensorBoard, where that is installed."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgecnn.errors import EdgeCNNError
from edgecnn.training.watcher import Watcher

if TYPE_CHECKING:
    from edgecnn.training.fit_state import EpochResult, FitState

__all__ = ["LOG_FOLDER", "TensorBoardLog", "tensorboard_log"]

#: Below the training's folder; `tensorboard --logdir runs` finds those of all trainings.
LOG_FOLDER = "tensorboard"

_CURVES = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "validation_accuracy",
    "macro-F1/validation": "validation_macro_f1",
    "mAP/validation": "validation_map",
    "rate": "rate",
    "seconds": "seconds",
}


def tensorboard_log(folder: Path) -> Watcher:
    """Return what writes event files into a training's folder; without TensorBoard, nothing."""
    installed = importlib.util.find_spec("tensorboard") is not None
    return TensorBoardLog(folder / LOG_FOLDER) if installed else Watcher()


class TensorBoardLog(Watcher):
    """Writes a point per epoch and curve.

    A training that goes on writes another file beside the first: what that one holds of epochs
    that are repeated is hidden.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """Open the file. TensorBoard takes seconds to import: not before it is needed."""
        from torch.utils.tensorboard import SummaryWriter

        with self._told():
            self._writer = SummaryWriter(str(self._folder), purge_step=first_epoch)

    def epoch(self, state: FitState) -> None:
        """Write the last epoch's figures."""
        result: EpochResult = state.history[-1]
        with self._told():
            for curve, field in _CURVES.items():
                value = getattr(result, field)
                if value is not None:
                    self._writer.add_scalar(curve, value, result.epoch)
            self._writer.flush()

    def end(self) -> None:
        """Close the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._told():
                writer.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Make one line of a full disk: what failed on TensorBoard's thread, any call raises."""
        try:
            yield
        except OSError as error:
            # What could not be written now cannot be when it is closed.
            self._writer = None
            raise EdgeCNNError(
                f"cannot write {self._folder}: {error.strerror or error}",
                hint="is the folder writable, and is there room on the disk?",
            ) from error
