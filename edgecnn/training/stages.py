"""A network as a row of stages, some of which are held fixed while the others learn."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edgecnn.errors import RecipeError
from edgecnn.models.auxiliary import WithAuxiliaries
from edgecnn.training.settings import Transfer

__all__ = ["Stage", "StagePlan", "stages_of"]


@dataclass(frozen=True)
class Stage:
    """Some modules that are frozen and thawed together.

    Attributes
    ----------
    names : tuple of str
        Of the modules, as in the state dictionary.
    modules : tuple of torch.nn.Module
    """

    names: tuple[str, ...]
    modules: tuple[nn.Module, ...]

    def owns(self, key: str) -> bool:
        """Tell whether an entry of the state dictionary belongs to this stage."""
        return any(key.startswith(f"{name}.") for name in self.names)


def stages_of(module: nn.Module) -> list[Stage]:
    """Divide a network into stages, from its input to its head, which is the last one.

    A stage is a direct child that has parameters; a sequence of layers counts as its layers. What
    has no weight matrix of its own (a normalisation) goes with what is before. The head is the last
    layer: of the three dense layers of AlexNet, two have learnt what serves other classes too.
    Classifiers beside the last one, which only training uses, belong to it.

    Examples
    --------
    >>> from edgecnn.models import create_model
    >>> [stage.names for stage in stages_of(create_model("alexnet", width=0.1))][-2:]
    [('classifier.4',), ('classifier.6',)]
    """
    beside = module.auxiliary_modules() if isinstance(module, WithAuxiliaries) else []
    children = [(n, c) for n, c in module.named_children() if list(c.parameters())]
    beside_names = tuple(name for name, child in children if child in beside)
    found: list[tuple[str, nn.Module]] = []
    for name, child in children:
        if child in beside:
            continue
        if isinstance(child, nn.Sequential):
            inner = child.named_children()
            found += [(f"{name}.{n}", c) for n, c in inner if list(c.parameters())]
        else:
            found.append((name, child))
    stages: list[Stage] = []
    for name, child in found:
        bare = all(parameter.ndim < 2 for parameter in child.parameters())
        if bare and stages:
            last = stages[-1]
            stages[-1] = Stage((*last.names, name), (*last.modules, child))
        else:
            stages.append(Stage((name,), (child,)))
    head = stages[-1]
    stages[-1] = Stage((*head.names, *beside_names), (*head.modules, *beside))
    return stages


class StagePlan:
    """Which stages learn in which epoch, and how fast.

    Parameters
    ----------
    module : torch.nn.Module
    transfer : Transfer

    Raises
    ------
    RecipeError
        The network has fewer stages than are to be trained.
    """

    def __init__(self, module: nn.Module, transfer: Transfer) -> None:
        self.stages = stages_of(module)
        self._transfer = transfer
        below = len(self.stages) - 1
        if transfer.train_stages is not None and transfer.train_stages > below:
            raise RecipeError(
                f"transfer.train_stages={transfer.train_stages}: the network has {below} stages "
                "below its head",
                hint="leave it out to train all of them",
            )

    def factor(self, key: str) -> float:
        """Return what the learning rate of a parameter is multiplied by."""
        last = len(self.stages) - 1
        at = next((i for i, stage in enumerate(self.stages) if stage.owns(key)), 0)
        return float(self._transfer.rate_decay ** (last - at))

    def learning(self, epoch: int) -> int:
        """Return how many stages learn in an epoch, counted from the head, which is one."""
        asked, every = self._transfer.train_stages, self._transfer.unfreeze_every
        if asked is None:
            return len(self.stages)
        thawed = (epoch - 1) // every if every else 0
        return min(len(self.stages), 1 + asked + thawed)

    def apply(self, epoch: int) -> None:
        """Freeze and thaw for an epoch, of a network that is in training mode.

        Frozen stages keep their batch-norm statistics too: those of a few new examples would undo
        what was learnt from many.
        """
        first = len(self.stages) - self.learning(epoch)
        for number, stage in enumerate(self.stages):
            for module in stage.modules:
                module.requires_grad_(requires_grad=number >= first)
                if number < first:
                    module.eval()
