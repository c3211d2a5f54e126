"""Everything edgecnn raises on purpose.

Each error is one clear line with a ``hint`` that says what to do about it, and carries the exit
code that the command line ends with. Where a caller would expect a built-in (``ValueError`` for a
bad value, ``FileNotFoundError`` for an absent file), the error is one of those as well.

::

    EdgeCNNError                     1  something could not be done
    ├── UsageError (ValueError)      2  the call itself is wrong
    ├── MissingFileError (FileNotFoundError)
    ├── MissingPackageError (ImportError)     an extra is not installed
    ├── ModelError                   a model file or a network
    │   ├── NotAModelError           not an ONNX file, truncated, no kernel for it
    │   ├── MetadataError (ValueError)        no contract inside, or a broken one
    │   ├── GoldenError              its golden vectors give another label here
    │   ├── ShapeError (ValueError)  an input that a network's layers cannot take
    │   ├── ParityError              ONNX Runtime and PyTorch disagree
    │   └── TaskError (ValueError)   a model of another task than the command's
    ├── ProviderError                asked-for execution provider cannot run it
    ├── DataError (ValueError)       a file or folder of inputs
    │   ├── ImageError               unreadable picture
    │   ├── RecordError              unreadable or incomplete ECG record
    │   └── DatasetError             dataset absent, or not what its hash says
    ├── SourceError                  camera, stream or video that gives no frames
    ├── RecipeError (ValueError)     a training recipe that cannot be followed
    └── TrainingError                training that went wrong
        └── DivergenceError          a loss that is not finite
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "DataError",
    "DatasetError",
    "DivergenceError",
    "EdgeCNNError",
    "GoldenError",
    "ImageError",
    "MetadataError",
    "MissingFileError",
    "MissingPackageError",
    "ModelError",
    "NotAModelError",
    "ParityError",
    "ProviderError",
    "RecipeError",
    "RecordError",
    "ShapeError",
    "SourceError",
    "TaskError",
    "TrainingError",
    "UsageError",
]


class EdgeCNNError(Exception):
    """Base of every error that edgecnn raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, in one line, naming the file or value.
    hint : str, optional
        What to do about it, in one line.

    Examples
    --------
    >>> str(EdgeCNNError("no such lead: V9", hint="the record has: MLII, V1"))
    'no such lead: V9'
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(EdgeCNNError, ValueError):
    """The call itself is wrong: an unknown option value, a bad combination."""

    exit_code = 2


class MissingFileError(EdgeCNNError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class MissingPackageError(EdgeCNNError, ImportError):
    """A package of an extra that is not installed here."""


class ModelError(EdgeCNNError):
    """Something is wrong with a model file or a network."""


class NotAModelError(ModelError):
    """The file is no ONNX model, is cut short, or has operators without a kernel here."""


class MetadataError(ModelError, ValueError):
    """The model file has no edgecnn contract, or one that does not hold."""


class GoldenError(ModelError):
    """The golden vectors of the file give another label on this machine."""


class ShapeError(ModelError, ValueError):
    """An input of a shape that a network's layers cannot take, by the arithmetic of shapes."""


class ParityError(ModelError):
    """ONNX Runtime and PyTorch do not give the same answer.

    ``inputs`` are those that they differ on, by name, where they are known.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, inputs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.inputs = inputs


class TaskError(ModelError, ValueError):
    """The model is made for another task than the one asked for."""


class ProviderError(EdgeCNNError):
    """The execution provider that was asked for cannot run this model here."""


class DataError(EdgeCNNError, ValueError):
    """Something is wrong with a file or folder of inputs."""


class ImageError(DataError):
    """A picture that cannot be read."""


class RecordError(DataError):
    """An ECG record that cannot be read, or lacks what the model needs."""


class DatasetError(DataError):
    """A dataset that is not there, or is not what its hash says."""


class SourceError(EdgeCNNError):
    """A camera, stream, video or folder that gives no frames."""


class RecipeError(EdgeCNNError, ValueError):
    """A training recipe that cannot be followed."""


class TrainingError(EdgeCNNError):
    """Training that went wrong: a checkpoint of another network, no examples."""


class DivergenceError(TrainingError):
    """A loss that is not finite."""
