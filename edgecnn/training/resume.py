"""An interrupted training, kept between epochs in one file so that it is never half-written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import safetensors
import torch
from msgspec import Struct, field
from safetensors.torch import save as save_tensors

from edgecnn.errors import TrainingError
from edgecnn.files import write_bytes
from edgecnn.metadata import Intervention
from edgecnn.training.checkpoint import load_state, read_tensors
from edgecnn.training.fit_state import EpochResult, FitState
from edgecnn.training.recipe import Recipe, flat_settings

__all__ = ["RESUME_NAME", "check_recipe", "load_resume", "save_resume"]

RESUME_NAME = "resume.safetensors"

_HEADER_KEY = "edgecnn.training"


class _Header(Struct, frozen=True, kw_only=True):
    """What is no tensor: stored as JSON in the safetensors file's own header."""

    recipe: Recipe
    history: list[EpochResult]
    average_steps: int
    data_sha256: str
    interventions: list[Intervention] = field(default_factory=list)


def save_resume(folder: Path, state: FitState, recipe: Recipe, *, data_sha256: str) -> None:
    """Keep all that the next epoch depends on.

    That is weights, average, optimizer, history, and what was changed by hand.
    ``data_sha256`` is the training set's, of its :class:`~edgecnn.data.dataset.DatasetInfo`.
    """
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
        data_sha256=data_sha256,
        interventions=state.interventions,
    )
    content = save_tensors(tensors, metadata={_HEADER_KEY: msgspec.json.encode(header).decode()})
    write_bytes(folder / RESUME_NAME, content)


def load_resume(folder: Path, state: FitState, recipe: Recipe, *, data_sha256: str) -> None:
    """Put a kept training into a fresh state of the same recipe and training set.

    Raises
    ------
    TrainingError
        The file is broken, or was kept by another recipe or on other data.
    """
    path = folder / RESUME_NAME
    tensors = read_tensors(path)
    header = _read_header(path)
    check_recipe(header.recipe, recipe, path)
    if header.data_sha256 != data_sha256:
        raise TrainingError(
            f"{path} was trained on other data: {recipe.data.train} has changed since",
            hint="put the same files back, or start anew with another -o",
        )
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
    state.restore_knobs(header.interventions)


def _read_header(path: Path) -> _Header:
    with safetensors.safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(_HEADER_KEY, "")
    try:
        return msgspec.json.decode(text, type=_Header)
    except msgspec.DecodeError as error:
        raise TrainingError(f"{path} was not kept by a training: {error}") from error


def check_recipe(kept: Recipe, asked: Recipe, path: Path) -> None:
    """Refuse to go on with the training in a file by another recipe than its own.

    Raises
    ------
    TrainingError
        The recipes differ; the message names a difference.
    """
    if kept == asked:
        return
    then, now = flat_settings(kept), flat_settings(asked)
    changed = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    if kept.name != asked.name:
        difference = f"name was {kept.name}, now {asked.name}"
    elif changed:
        first = changed[0]
        difference = f"{first} was {then.get(first)}, now {now.get(first)}"
    else:
        difference = "its title, input or output is not the same"
    raise TrainingError(
        f"{path} is of another recipe: {difference}",
        hint="resume with the same recipe and overrides, or start anew with another -o",
    )
