"""What every module of a network gives in PyTorch, held against what its graph gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from edgecnn.export.bisect import agree
from edgecnn.export.scopes import ModuleCall, module_calls
from edgecnn.export.taps import run_tapped
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["diverging_module"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class _Call:
    """One call of a module in PyTorch: what it read and gave, and the how-manieth it was."""

    path: str
    kind: str
    number: int
    read: tuple[_Array, ...]
    gave: tuple[_Array, ...]

    @property
    def title(self) -> str:
        return f"{self.path} ({self.kind})" if self.path else self.kind


def diverging_module(
    network: torch.nn.Module,
    graph: onnx.ModelProto,
    inputs: Tensors,
    *,
    atol: float,
    rtol: float,
) -> str | None:
    """Name the first module whose output in the graph is not its own.

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU, in evaluation mode.
    graph : onnx.ModelProto
        As the exporter wrote it, with the module of every node in the nodes' metadata.
    inputs : mapping of str to ndarray
        That the two disagree on.
    atol, rtol : float

    Returns
    -------
    str or None
        Path and class: ``"features.3 (Conv2d)"``. Where the modules inside another one agree and
        what it makes of them does not, it is that one, and behind what: its own ``forward``. None
        where all modules agree that can be told from the graph.
    """
    calls = _recorded(network, inputs)
    seen = module_calls(graph.graph)
    total = Counter(call.path for call in calls)
    # A module whose calls run into each other, or that left no node, cannot be told.
    pairs = [
        (call, seen[call.path][call.number])
        for call in calls
        if len(seen.get(call.path, ())) == total[call.path]
    ]
    values = _values(graph, (nodes for _, nodes in pairs), inputs)

    def agrees(wanted: Iterable[_Array], names: Iterable[str]) -> bool:
        found = [values[name] for name in names if name in values]
        return all(_is_among(array, found, atol=atol, rtol=rtol) for array in wanted)

    before: _Call | None = None
    for call, nodes in pairs:
        if agrees(call.gave, nodes.leaving) and not _is_cut(call, nodes, values):
            before = call
            continue
        if agrees(call.read, nodes.entering):
            # What runs in a module completes before it: those inside agree.
            inside = before is not None and before.path.startswith(
                f"{call.path}." * bool(call.path)
            )
            behind = f", behind {before.title}" if before is not None and inside else ""
            return call.title + behind
        # It was given something else already, and no module gave that: code between them did.
        for around, outer in reversed(pairs):
            if _contains(around.path, call.path) and agrees(around.read, outer.entering):
                return f"{around.title}, before {call.title}"
        return f"before {call.title}"
    return None


def _recorded(network: torch.nn.Module, inputs: Tensors) -> list[_Call]:
    """Run a network and note every module's calls, in the order in which they end."""
    calls: list[_Call] = []
    begun: dict[str, list[tuple[int, tuple[_Array, ...]]]] = {}
    counts: Counter[str] = Counter()
    handles = []
    for path, module in network.named_modules():

        def begin(_: torch.nn.Module, args: Any, kwargs: Any, path: str = path) -> None:
            # Noted before it runs: it may work in place.
            read = tuple(_arrays((args, kwargs)))
            begun.setdefault(path, []).append((counts[path], read))
            counts[path] += 1

        def end(module: torch.nn.Module, _: Any, output: Any, path: str = path) -> None:
            number, read = begun[path].pop()
            kind = type(module).__name__
            calls.append(_Call(path, kind, number, read, tuple(_arrays(output))))

        handles.append(module.register_forward_pre_hook(begin, with_kwargs=True))
        handles.append(module.register_forward_hook(end))
    try:
        with torch.inference_mode():
            network(*(torch.from_numpy(np.ascontiguousarray(x)) for x in inputs.values()))
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _values(
    graph: onnx.ModelProto, calls: Iterable[ModuleCall], inputs: Tensors
) -> Mapping[str, _Array]:
    """Run a graph and return what goes into and comes out of these calls."""
    computed = {name for node in graph.graph.node for name in node.output}
    wanted = {name for call in calls for name in (*call.entering, *call.leaving)}
    names = sorted(wanted & computed)
    return {**inputs, **(run_tapped(graph, names, inputs) if names else {})}


def _is_among(wanted: _Array, found: list[_Array], *, atol: float, rtol: float) -> bool:
    """Tell whether a tensor is one of several; yes where none could be it by its shape."""
    alike = [array for array in found if array.shape == wanted.shape]
    return not alike or any(agree(array, wanted, atol=atol, rtol=rtol) for array in alike)


def _is_cut(call: _Call, nodes: ModuleCall, values: Mapping[str, _Array]) -> bool:
    """Tell whether the one tensor that a module gives has another shape in the graph."""
    found = [values[name] for name in nodes.leaving if name in values]
    return (
        len(call.gave) == len(found) == 1
        and call.gave[0].ndim == found[0].ndim
        and call.gave[0].shape != found[0].shape
    )


def _contains(outer: str, inner: str) -> bool:
    return outer != inner and (not outer or inner.startswith(f"{outer}."))


def _arrays(value: Any) -> Iterator[_Array]:
    """Yield the tensors of any nesting of tuples, lists and dictionaries, as they are now."""
    if isinstance(value, torch.Tensor):
        yield value.detach().cpu().numpy().copy()
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)
