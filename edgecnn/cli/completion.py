"""What a shell offers on Tab: names of ours, and files, for arguments that may be either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = [
    "complete_data",
    "complete_files",
    "complete_models",
    "complete_networks",
    "complete_recipes",
]


def complete_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer files and folders."""
    return _offered((), incomplete)


def complete_models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the bundled models, and files."""
    from edgecnn.bundled import bundled_models

    return _offered((f"bundled:{name}" for name in bundled_models()), incomplete)


def complete_data(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the named datasets with their parts, and files."""
    from edgecnn.data.catalogue import CATALOGUE

    names = (f"{name}:{part}" for name, entry in CATALOGUE.items() for part in entry.splits)
    return _offered(names, incomplete)


def complete_recipes(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the bundled recipes, and files."""
    from edgecnn.training.recipe import recipe_names

    return _offered(recipe_names(), incomplete)


def complete_networks(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the networks that can be built."""
    from edgecnn.models.registry import model_names

    return _offered(model_names(), incomplete, files=False)


def _offered(names: Iterable[str], incomplete: str, *, files: bool = True) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    offered = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*offered, CompletionItem(incomplete, type="file")] if files else offered
