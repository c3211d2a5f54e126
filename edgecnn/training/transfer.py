"""Weights of another training, as the start of a new one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import torch
from torch import nn

from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.export.factory import read_weights
from edgecnn.metadata import ImageInput, InputSpec
from edgecnn.training.checkpoint import DOCUMENT_NAME, WEIGHTS_NAME, read_recipe
from edgecnn.training.settings import Transfer
from edgecnn.training.stages import stages_of

__all__ = ["check_pixels", "load_pretrained", "read_keys", "weights_path"]

#: In a map of names: no beginning at all.
_ROOT = "."


def weights_path(transfer: Transfer) -> Path:
    """Return the file of weights that a training starts from."""
    path = Path(transfer.source)
    return path / WEIGHTS_NAME if path.is_dir() else path


def check_pixels(transfer: Transfer, spec: InputSpec) -> None:
    """Refuse to show a trained network pictures whose numbers mean something else than before.

    It would learn, but as slowly as if it had been taught nothing. Sizes may differ. Of weights
    that are no training's of ours nothing is known, and nothing is checked.

    Raises
    ------
    TrainingError
        Another colour, scale, mean or deviation than in the training that the weights are of.
    """
    folder = weights_path(transfer).parent
    if not isinstance(spec, ImageInput) or not (folder / DOCUMENT_NAME).is_file():
        return
    before = read_recipe(folder).input
    if not isinstance(before, ImageInput):
        return
    for name in ("colour", "scale", "mean", "std"):
        was, now = getattr(before, name), getattr(spec, name)
        if was != now:
            raise TrainingError(
                f"{folder} was trained with input.{name}={_told(was)}, "
                f"this recipe has {_told(now)}",
                hint=f"--set input.{name}={_told(was)}",
            )


def load_pretrained(module: nn.Module, transfer: Transfer) -> tuple[str, ...]:
    """Fill a fresh network with the weights of a trained one, but for its head.

    Every weight below the head must be there with its own shape, and nothing may be left over: a
    network that is filled in part looks like one that learns badly.

    Parameters
    ----------
    module : torch.nn.Module
    transfer : Transfer
        ``source`` is a training's folder, ``.safetensors``, or a plain state dictionary in a
        ``.pt``; ``keys`` a file that maps its names to ours.

    Returns
    -------
    tuple of str
        Entries of the state dictionary that stay fresh.

    Raises
    ------
    MissingFileError
        No such file.
    ModelError
        It cannot be read.
    TrainingError
        It is of another network; the message names the first difference.
    """
    path = weights_path(transfer)
    if not path.is_file():
        raise MissingFileError(
            f"no weights to start from: {path}",
            hint="name the folder of a finished training, a .safetensors or a .pt file",
        )
    state = read_weights(path)
    if transfer.keys:
        state = _renamed(state, read_keys(Path(transfer.keys)))
    head = stages_of(module)[-1]
    own = module.state_dict()
    fresh = tuple(key for key in own if head.owns(key) and not transfer.keep_head)
    for key, value in own.items():
        if key in fresh:
            continue
        if key not in state:
            raise _other(path, f"it lacks {key}", state, own)
        if state[key].shape != value.shape:
            found, wanted = tuple(state[key].shape), tuple(value.shape)
            raise _other(path, f"{key} has shape {found}, not {wanted}", state, own)
    strays = [key for key in state if key not in own and not head.owns(key)]
    if strays:
        raise _other(path, f"{strays[0]} is not in this one", state, own)
    module.load_state_dict({key: own[key] if key in fresh else state[key] for key in own})
    return fresh


def read_keys(path: Path) -> dict[str, str]:
    """Read a map of foreign names to ours.

    Parameters
    ----------
    path : Path
        TOML with a table ``[keys]``: ``"layer1.0" = "stages.0.0"`` renames all that begins so;
        the longest beginning wins, ``"."`` takes it away from the names, and ``""`` drops the
        weights.

    Raises
    ------
    MissingFileError
        No such file.
    TrainingError
        Not such a table.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("keys")
    except FileNotFoundError as error:
        raise MissingFileError(f"no such map of names: {path}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"cannot read {path}: {error}") from error
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise TrainingError(
            f"{path} has no table [keys] of names",
            hint='write lines as "features.conv0" = "stem.0" below [keys]',
        )
    return table


def _told(value: str | float | tuple[float, ...]) -> str:
    """Write a value as ``--set`` takes it."""
    if isinstance(value, tuple):
        return f"[{','.join(f'{each:g}' for each in value)}]"
    return value if isinstance(value, str) else f"{value:g}"


def _renamed(state: dict[str, torch.Tensor], keys: dict[str, str]) -> dict[str, torch.Tensor]:
    renamed = {}
    for key, value in state.items():
        fitting = [start for start in keys if key == start or key.startswith(f"{start}.")]
        if not fitting:
            renamed[key] = value
            continue
        start = max(fitting, key=len)
        if keys[start] == _ROOT:
            renamed[key[len(start) + 1 :]] = value
        elif keys[start]:
            renamed[keys[start] + key[len(start) :]] = value
    return renamed


def _other(
    path: Path, difference: str, state: dict[str, torch.Tensor], own: dict[str, torch.Tensor]
) -> TrainingError:
    shared = sum(key in own and own[key].shape == value.shape for key, value in state.items())
    return TrainingError(
        f"{path} holds the weights of another network: {difference}; "
        f"{shared} of {len(own)} weights agree",
        hint="the network's name and arguments must be those of the training; transfer.keys names "
        "a file that maps other names to ours",
    )
