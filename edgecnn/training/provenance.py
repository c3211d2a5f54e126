"""Where a trained network comes from, in the words of the contract."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from torch import nn

from edgecnn.files import sha256_of
from edgecnn.metadata import DatasetUse, InputSpec, Intervention, ModelMetadata, Provenance
from edgecnn.models.auxiliary import deployed_parameters
from edgecnn.training.recipe import Recipe, flat_settings
from edgecnn.training.transfer import weights_path

__all__ = ["describe_revision", "make_metadata"]


def make_metadata(
    recipe: Recipe,
    labels: tuple[str, ...],
    spec: InputSpec,
    module: nn.Module,
    datasets: Sequence[DatasetUse],
    *,
    command: str = "",
    interventions: Sequence[Intervention] = (),
) -> ModelMetadata:
    """Build the contract of a recipe's network. It holds no dates: equal trainings, equal bytes.

    Parameters
    ----------
    spec : InputSpec
        The recipe's input, with what the training data added to it.
    command : str, optional
        What trains this network again; the default names the recipe.
    interventions : sequence of Intervention
        What a person changed while it ran.
    """
    attributions = dict.fromkeys(use.attribution for use in datasets)
    return ModelMetadata(
        name=recipe.name,
        task=recipe.task,
        labels=labels,
        input=spec,
        output=recipe.output,
        provenance=Provenance(
            recipe=recipe.name,
            architecture=recipe.model.name,
            command=command or f"edgecnn train {recipe.name}",
            seed=recipe.train.seed,
            parameters=deployed_parameters(module),
            datasets=tuple(datasets),
            versions={
                "edgecnn": version("edgecnn"),
                "numpy": version("numpy"),
                "python": platform.python_version(),
                "torch": version("torch"),
            },
            settings=_settings(recipe),
            interventions=tuple(interventions),
            attribution="; ".join(attributions),
        ),
    )


def _settings(recipe: Recipe) -> dict[str, str | int | float | bool]:
    settings = flat_settings(recipe)
    if recipe.transfer is not None:
        # Where the weights lay on this machine is nobody's business; their hash tells them.
        settings["transfer.source"] = Path(recipe.transfer.source).name
        weights = weights_path(recipe.transfer)
        if weights.is_file():
            settings["transfer.sha256"] = sha256_of(weights)
    return settings


def describe_revision() -> str:
    """Name the git revision that edgecnn runs from; empty when it was installed from a wheel."""
    repository = Path(__file__).parents[2]
    # Installed into a user's own repository, it must not take that one's revision for its own.
    if not (repository / ".git").exists():
        return ""
    command = ["git", "-C", str(repository), "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
