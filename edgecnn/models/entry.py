"""What is known of a registered network without building it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, get_type_hints

import msgspec

from edgecnn.errors import UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["Architecture", "Argument"]

#: What an argument of a builder may be; all of it can be written in a recipe.
Argument = bool | int | float | str | list[int]


@dataclass(frozen=True)
class Architecture:
    """A registered network.

    Attributes
    ----------
    name, family, summary : str
        Networks of one family stand together in lists.
    builder : str
        ``module:function`` of ``edgecnn.models``; keyword arguments to module, each with a default.
    inputs : mapping of str to tuple of int
        Shape of each input of the default network, without the batch axis, by the name of the
        argument of ``forward``.
    parameters : int
        Of the default network, as it runs on a device: without heads that only training has.
    fixed : mapping of str to Argument
        Arguments that the name stands for, such as the depth of ``resnet50``.
    task : str
        As in the contract: ``"classify"``, ``"detect"``, ``"image-to-image"``, ``"generate"``.
    whole : mapping of str to int
        Inputs of whole numbers (int64), and how many different ones the default network reads.
    """

    name: str
    family: str
    summary: str
    builder: str
    inputs: Mapping[str, tuple[int, ...]]
    parameters: int
    fixed: Mapping[str, Argument] = field(default_factory=dict)
    task: str = "classify"
    whole: Mapping[str, int] = field(default_factory=dict)

    @property
    def build(self) -> Callable[..., torch.nn.Module]:
        """The builder, which takes :attr:`arguments` as keywords."""
        return partial(self._function, **self.fixed)

    @property
    def arguments(self) -> dict[str, object]:
        """The builder's arguments and their defaults."""
        parameters = inspect.signature(self._function).parameters.values()
        return {p.name: p.default for p in parameters if p.name not in self.fixed}

    @property
    def documentation(self) -> str:
        """The builder's docstring."""
        return inspect.getdoc(self._function) or ""

    def arguments_for(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Argument]:
        """Return the arguments that follow from the inputs' shapes, without the batch axis.

        ``channels`` and ``size`` from a picture ``(channels, height, width)``, ``leads`` and
        ``samples`` from a signal ``(leads, samples)``, so far as the builder takes them.

        Examples
        --------
        >>> resnet = Architecture("r", "", "", "resnet:resnet", {}, 0)
        >>> resnet.arguments_for({"input": (1, 64, 64)})
        {'channels': 1}
        """
        found: dict[str, Argument] = {}
        for shape in shapes.values():
            if len(shape) == 3:
                found |= {"channels": shape[0], "size": list(shape[1:])}
            elif len(shape) == 2:
                found |= {"leads": shape[0], "samples": shape[1]}
        return {name: value for name, value in found.items() if name in self.arguments}

    def count_parameters(self, **arguments: Argument) -> int:
        """Count the parameters that run on a device, without allocating them."""
        import torch

        from edgecnn.models.auxiliary import deployed_parameters

        with torch.device("meta"):
            return deployed_parameters(self.build(**arguments))

    def check_arguments(self, arguments: Mapping[str, Argument]) -> None:
        """Refuse arguments that the builder does not take, or of another type.

        Raises
        ------
        UsageError
            The message names the argument.
        """
        known = self.arguments
        hints = get_type_hints(self._function)
        for name, value in arguments.items():
            if name not in known:
                raise UsageError(
                    f"{self.name} takes no argument {name!r}",
                    hint=f"it takes: {', '.join(known)}",
                )
            try:
                msgspec.convert(value, hints[name])
            except msgspec.ValidationError as error:
                raise UsageError(
                    f"{self.name} cannot be built with {name}={value!r}: {error}",
                    hint=f"the default is {known[name]!r}",
                ) from error

    @property
    def _function(self) -> Callable[..., torch.nn.Module]:
        module, _, function = self.builder.partition(":")
        found: Callable[..., torch.nn.Module] = getattr(
            import_module(f"edgecnn.models.{module}"), function
        )
        return found
