"""Networks of the user's own: ``module:factory`` with weights from a file."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TypeGuard

import torch

from edgecnn.errors import MissingFileError, ModelError, UsageError
from edgecnn.runtime.user_code import first_line, import_factory

__all__ = ["build_module", "load_weights", "read_weights"]


def build_module(source: str, *, folder: Path | None = None) -> torch.nn.Module:
    """Import ``module:factory`` and call it without arguments.

    Parameters
    ----------
    source : str
        For example ``"mynet:build"`` or ``"package.nets:SmallNet"``.
    folder : Path, optional
        Looked into first for the module; the default is the current folder.

    Raises
    ------
    UsageError
        Not of the form ``module:factory``.
    ModelError
        No such module or factory, or it fails or returns no network.
    """
    factory = import_factory(
        source,
        what="a network",
        hint="give a checkpoint, or module:factory, for example mynet:build",
        folder=folder,
        error_type=ModelError,
    )
    try:
        network = factory()
    # So can calling it.
    except Exception as error:
        raise ModelError(
            f"{source} fails: {first_line(error)}",
            hint="it is called without arguments and must return a torch.nn.Module",
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise ModelError(f"{source} returns {type(network).__name__}, not a torch.nn.Module")
    return network


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Fill a module's parameters from a file.

    Parameters
    ----------
    module : torch.nn.Module
    path : Path
        ``.safetensors``, or a ``.pt``/``.pth`` with a state dictionary, plain or as the one such
        dictionary of a training's checkpoint. It is read with ``weights_only=True``: a pickle that
        holds objects of other classes is refused, since loading it would run their code.

    Raises
    ------
    MissingFileError
        No such file.
    ModelError
        Unreadable, more than weights in it, or keys or shapes that are not the module's.
    """
    if not path.is_file():
        raise MissingFileError(f"no such weights: {path}")
    state = read_weights(path)
    own = module.state_dict()
    missing = [key for key in own if key not in state]
    foreign = [key for key in state if key not in own]
    if missing or foreign:
        parts = [
            f"{len(keys)} {what}, first {keys[0]}"
            for keys, what in ((missing, "missing"), (foreign, "unknown"))
            if keys
        ]
        raise ModelError(
            f"{path} does not fit the network: {'; '.join(parts)}",
            hint="the file must hold the state dictionary of this very network",
        )
    wrong = [key for key, tensor in own.items() if tensor.shape != state[key].shape]
    if wrong:
        key = wrong[0]
        raise ModelError(
            f"{path} does not fit the network: {key} has shape {tuple(state[key].shape)}, "
            f"not {tuple(own[key].shape)}"
        )
    module.load_state_dict(state)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read tensors by name; the files are those of :func:`load_weights`, and so are the errors."""
    if path.suffix == ".safetensors":
        import safetensors
        import safetensors.torch

        try:
            tensors: dict[str, torch.Tensor] = safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            raise ModelError(f"{path} is not a safetensors file: {first_line(error)}") from error
        return tensors
    if path.suffix not in (".pt", ".pth"):
        raise UsageError(
            f"weights of an unknown kind: {path}", hint="give .safetensors, .pt or .pth"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than weights, or is no torch file",
            hint="save it anew with torch.save(module.state_dict(), ...) or as .safetensors",
        ) from error
    # What unpickling a damaged file may raise, as the pickle module's documentation lists it.
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error
    if _is_state(state):
        return state
    found = [k for k, v in state.items() if _is_state(v)] if isinstance(state, dict) else []
    if len(found) == 1:
        inside: dict[str, torch.Tensor] = state[found[0]]
        return inside
    several = f"several state dictionaries ({', '.join(map(str, found))})"
    raise ModelError(
        f"{path} holds {several if found else 'no state dictionary'}",
        hint="save it with torch.save(module.state_dict(), ...) or as .safetensors",
    )


def _is_state(value: object) -> TypeGuard[dict[str, torch.Tensor]]:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )
