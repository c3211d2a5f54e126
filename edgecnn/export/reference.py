"""What PyTorch computes: the answers that an exported file is held to."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.export.source import ROWS
from edgecnn.metadata import ModelMetadata
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["check_answers", "copied", "one_line", "reference_answers"]


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """Copy a module to the processor, in evaluation mode."""
    try:
        return copy.deepcopy(module).cpu().eval()
    # The module is the user's, and so may be its copying and its `train`: anything can come.
    except Exception as error:
        raise ModelError(
            f"{type(module).__name__} cannot be copied: {one_line(error)}",
            hint="remove weight_norm first (torch.nn.utils.remove_weight_norm)",
        ) from error


def one_line(error: Exception) -> str:
    """Return an error's type and text, as one line of bounded length."""
    text = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reference_answers(
    network: torch.nn.Module,
    samples: Tensors,
    outputs: Sequence[str],
    *,
    title: str = "",
    rows: int | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Run the module on all samples, so many at a time.

    Raises
    ------
    ModelError
        It fails on them, or returns something else than a tensor per output.
    """
    title = title or type(network).__name__
    n = len(next(iter(samples.values())))
    step = rows or ROWS
    answers: list[tuple[torch.Tensor, ...]] = []
    try:
        with torch.inference_mode():
            for start in range(0, n, step):
                answer = network(
                    *(torch.from_numpy(x[start : start + step]) for x in samples.values())
                )
                answers.append(tuple(answer) if isinstance(answer, tuple | list) else (answer,))
    # Torch raises for sizes that do not fit, and `forward` is the user's: it can raise anything.
    except Exception as error:
        shapes = ", ".join(f"{name} {(min(step, n), *x.shape[1:])}" for name, x in samples.items())
        alone = min(step, n) > 1 and _takes_one(network, samples)
        raise ModelError(
            f"{title} cannot run {shapes}: {one_line(error)}",
            hint="it takes a batch of 1 only: look for a reshape or view with a fixed first size"
            if alone
            else "it is called with the contract's inputs in their order: do they fit?",
        ) from error
    first = answers[0]
    if len(first) != len(outputs) or not all(isinstance(part, torch.Tensor) for part in first):
        returned = ", ".join(type(part).__name__ for part in first)
        wanted = "one tensor of logits" if len(outputs) == 1 else f"{len(outputs)} tensors"
        raise ModelError(
            f"{title} returns {returned}, not {wanted}",
            hint="--outputs names all that it returns, in their order"
            if len(first) > len(outputs)
            else None,
        )
    # A single number has no rows to join.
    return {
        name: torch.cat([row[i] if row[i].ndim else row[i][None] for row in answers])
        .float()
        .numpy()
        for i, name in enumerate(outputs)
    }


def _takes_one(network: torch.nn.Module, samples: Tensors) -> bool:
    """Tell whether the first row alone gets through."""
    try:
        with torch.inference_mode():
            network(*(torch.from_numpy(x[:1]) for x in samples.values()))
    except Exception:  # `forward` is the user's, as above
        return False
    return True


def check_answers(title: str, answers: NDArray[np.float32], metadata: ModelMetadata) -> None:
    """Refuse a classifier that does not give a logit per label."""
    if metadata.task == "classify" and answers.shape[1:] != (len(metadata.labels),):
        raise ModelError(
            f"{title} returns shape (N, {', '.join(map(str, answers.shape[1:]))}) "
            f"for {len(metadata.labels)} labels",
            hint="one logit per label is expected",
        )
