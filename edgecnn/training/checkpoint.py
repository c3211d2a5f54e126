"""Checkpoints: weights as safetensors, all that is known about them as JSON. Never a pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors
import torch
from msgspec import Struct
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.files import write_bytes, write_text
from edgecnn.metadata import Measured, ModelMetadata
from edgecnn.training.network import build_module
from edgecnn.training.recipe import Recipe

__all__ = [
    "DOCUMENT_NAME",
    "WEIGHTS_NAME",
    "Checkpoint",
    "load_checkpoint",
    "load_state",
    "read_recipe",
    "read_tensors",
    "save_checkpoint",
]

WEIGHTS_NAME = "checkpoint.safetensors"
DOCUMENT_NAME = "checkpoint.json"


class _Document(Struct, frozen=True, kw_only=True):
    """The JSON file beside the weights."""

    schema: int = 1
    epoch: int
    recipe: Recipe
    metadata: ModelMetadata
    measured: Measured


@dataclass(frozen=True)
class Checkpoint:
    """A trained network.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode.
    metadata : ModelMetadata
        The contract that an exported file will carry.
    measured : Measured
    recipe : Recipe
        As it was resolved, overrides included.
    epoch : int
        Whose weights these are.
    """

    module: nn.Module
    metadata: ModelMetadata
    measured: Measured
    recipe: Recipe
    epoch: int


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint.safetensors`` and ``checkpoint.json`` into a folder."""
    state = {name: value.contiguous() for name, value in checkpoint.module.state_dict().items()}
    document = _Document(
        epoch=checkpoint.epoch,
        recipe=checkpoint.recipe,
        metadata=checkpoint.metadata,
        measured=checkpoint.measured,
    )
    write_bytes(folder / WEIGHTS_NAME, save_tensors(state))
    encoded = msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1)
    write_text(folder / DOCUMENT_NAME, encoded.decode() + "\n")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The training's folder, or one of the checkpoint's two files.

    Raises
    ------
    MissingFileError
        No checkpoint there.
    TrainingError
        Cut short, changed by hand, or weights of another network.
    """
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise MissingFileError(f"no such checkpoint: {path}")
    document = _read_document(folder)
    module = build_module(document.recipe, document.metadata.labels, document.metadata.input)
    load_state(module, read_tensors(folder / WEIGHTS_NAME), str(folder / WEIGHTS_NAME))
    return Checkpoint(
        module=module.eval(),
        metadata=document.metadata,
        measured=document.measured,
        recipe=document.recipe,
        epoch=document.epoch,
    )


def read_recipe(folder: Path) -> Recipe:
    """Read the recipe of a finished training, without its weights.

    Raises
    ------
    MissingFileError
        No checkpoint in that folder.
    TrainingError
        Its description cannot be read.
    """
    return _read_document(folder).recipe


def _read_document(folder: Path) -> _Document:
    source = folder / DOCUMENT_NAME
    if not source.is_file():
        raise MissingFileError(
            f"no {DOCUMENT_NAME} in {folder}",
            hint="name the folder of a finished training; `edgecnn train --resume` finishes one",
        )
    try:
        document = msgspec.json.decode(source.read_bytes(), type=_Document)
    except OSError as error:
        raise _unreadable(source, error) from error
    except msgspec.DecodeError as error:
        raise TrainingError(f"{source} is not a checkpoint's description: {error}") from error
    if document.schema != 1:
        raise TrainingError(
            f"{source} has schema {document.schema}; this edgecnn reads 1", hint="update edgecnn"
        )
    return document


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises
    ------
    MissingFileError
        No such file.
    TrainingError
        Not a safetensors file, cut short, or not readable.
    """
    try:
        return load_tensors(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingFileError(f"no such file: {path}") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except safetensors.SafetensorError as error:
        raise TrainingError(f"{path} is not a whole safetensors file: {error}") from error


def load_state(module: nn.Module, state: dict[str, torch.Tensor], source: str) -> None:
    """Put weights into a network; every name and shape must fit.

    Raises
    ------
    TrainingError
        They are of another network; the message names the first difference.
    """
    own = module.state_dict()
    for name, value in own.items():
        if name not in state:
            raise _other_network(source, f"it lacks {name}")
        if state[name].shape != value.shape:
            found, expected = tuple(state[name].shape), tuple(value.shape)
            raise _other_network(source, f"{name} has shape {found}, not {expected}")
    strays = [name for name in state if name not in own]
    if strays:
        raise _other_network(source, f"{strays[0]} is not in this one")
    module.load_state_dict(state)


def _unreadable(path: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"cannot read {path}: {error.strerror or error}",
        hint="it must be a file that you may read",
    )


def _other_network(source: str, difference: str) -> TrainingError:
    return TrainingError(
        f"{source} holds the weights of another network: {difference}",
        hint="the model's name and arguments must be those of the training",
    )
