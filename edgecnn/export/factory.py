"""Networks of the user's own: ``module:factory`` with weights from a file."""

from __future__ import annotations

import importlib
import pickle
import sys
import warnings
from pathlib import Path

import torch

from edgecnn.errors import MissingFileError, ModelError, UsageError

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
    module_name, colon, factory_name = source.partition(":")
    if not colon or not module_name or not factory_name:
        raise UsageError(
            f"not a network: {source!r}",
            hint="give a checkpoint, or module:factory, for example mynet:build",
        )
    place = str(folder or Path.cwd())
    if folder is not None:
        _forget_unless_from(module_name, folder)
    sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    # The module is the user's: importing it can raise anything.
    except Exception as error:
        raise ModelError(
            f"cannot import {module_name}: {_first_line(error)}",
            hint="it is looked for in the current folder and among the installed packages",
        ) from error
    finally:
        sys.path.remove(place)
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        known = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
        raise ModelError(
            f"{module_name} has no factory {factory_name}",
            hint=f"it has: {', '.join(known) or 'nothing that can be called'}",
        )
    try:
        network = factory()
    # So can calling it.
    except Exception as error:
        raise ModelError(
            f"{source} fails: {_first_line(error)}",
            hint="it is called without arguments and must return a torch.nn.Module",
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise ModelError(f"{source} returns {type(network).__name__}, not a torch.nn.Module")
    return network


def _forget_unless_from(module_name: str, folder: Path) -> None:
    """Let a module of this name be imported anew, where the one that is known lies elsewhere."""
    known = getattr(sys.modules.get(module_name), "__file__", None)
    if known is not None and not Path(known).resolve().is_relative_to(folder.resolve()):
        del sys.modules[module_name]


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Fill a module's parameters from a file.

    Parameters
    ----------
    module : torch.nn.Module
    path : Path
        ``.safetensors``, or a ``.pt``/``.pth`` with a plain state dictionary, which is read with
        ``weights_only=True``: a pickle that holds anything but tensors is refused, since loading
        it would run its code.

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
            raise ModelError(f"{path} is not a safetensors file: {_first_line(error)}") from error
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
        raise ModelError(f"{path} cannot be read: {_first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(
            f"{path} holds no plain state dictionary",
            hint="save it with torch.save(module.state_dict(), ...) or as .safetensors",
        )
    return state


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
