"""An interrupted training, kept between epochs in one file so that it is never half-written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import safetensors
import torch
from msgspec import Struct
from safetensors.torch import save as save_tensors

from edgecnn.errors import TrainingError
from edgecnn.files import write_bytes
from edgecnn.training.checkpoint import load_state, read_tensors
from edgecnn.training.loop import EpochResult, FitState
from edgecnn.training.recipe import Recipe, flat_settings

__all__ = ["RESUME_NAME", "load_resume", "save_resume"]

RESUME_NAME = "resume.safetensors"

_HEADER_KEY = "edgecnn.training"


class _Header(Struct, frozen=True, kw_only=True):
    """What is no tensor: stored as JSON in the safetensors file's own header."""

    recipe: Recipe
    history: list[EpochResult]
    average_steps: int
    torch: str


def save_resume(folder: Path, state: FitState, recipe: Recipe) -> None:
    """Keep all that the next epoch depends on: weights, average, optimizer, history."""
    tensors: dict[str, torch.Tensor] = {}

    def add(prefix: str, part: dict[str, torch.Tensor]) -> None:
        tensors.update({f"{prefix}.{name}": value.contiguous() for name, value in part.items()})

    add("module", state.module.state_dict())
    add("average", state.average.module.state_dict())
    add("best", state.best or {})
    for number, slots in state.optimizer.state_dict()["state"].items():
        add(f"optimizer.{number}", slots)
    header = _Header(
        recipe=recipe,
        history=state.history,
        average_steps=state.average.steps,
        torch=str(torch.__version__),
    )
    content = save_tensors(tensors, metadata={_HEADER_KEY: msgspec.json.encode(header).decode()})
    write_bytes(folder / RESUME_NAME, content)


def load_resume(folder: Path, state: FitState, recipe: Recipe) -> None:
    """Put a kept training into a fresh state of the same recipe.

    Raises
    ------
    TrainingError
        The file is broken, or was kept by another recipe.
    """
    path = folder / RESUME_NAME
    tensors = read_tensors(path)
    header = _read_header(path)
    _check_recipe(header.recipe, recipe, path)
    parts: dict[str, dict[str, torch.Tensor]] = {"module": {}, "average": {}, "best": {}}
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        kind, _, name = key.partition(".")
        if kind == "optimizer":
            number, _, slot = name.partition(".")
            slots.setdefault(int(number), {})[slot] = value
        else:
            parts[kind][name] = value
    load_state(state.module, parts["module"], str(path))
    load_state(state.average.module, parts["average"], str(path))
    state.average.steps = header.average_steps
    state.best = parts["best"] or None
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
    state.history[:] = header.history


def _read_header(path: Path) -> _Header:
    with safetensors.safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(_HEADER_KEY, "")
    try:
        return msgspec.json.decode(text, type=_Header)
    except msgspec.DecodeError as error:
        raise TrainingError(f"{path} was not kept by a training: {error}") from error


def _check_recipe(kept: Recipe, asked: Recipe, path: Path) -> None:
    if kept == asked:
        return
    then, now = flat_settings(kept), flat_settings(asked)
    changed = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    first = changed[0] if changed else "name, input or output"
    raise TrainingError(
        f"{path} is of another recipe: {first} was {then.get(first)}, now {now.get(first)}",
        hint="resume with the same recipe and overrides, or start anew with another -o",
    )
