"""Follow a network through one run on the ``meta`` device, which computes shapes but no values.

What is counted is what a fused graph executes: batch normalisation, activation and addition belong
to the convolution before them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from edgecnn.models.activation_memory import ActivationMemory, Buffer
from edgecnn.models.layer_kinds import FUSED, SKIPPED, layer_kind
from edgecnn.models.shapes import checked_shapes, pair

__all__ = [
    "ReceptiveField",
    "Trace",
    "TracedLayer",
    "trace_network",
]

#: Pixels or samples of the input that a value depends on, axis by axis; None where it has no axes.
ReceptiveField = tuple[int, ...] | Literal["all"] | None

_FLOAT_BYTES = 4
#: Per output channel of an 8-bit layer: bias of 32 bits, scale of the weights, their zero point.
_CHANNEL_BYTES_INT8 = 4 + 4 + 1

_aten = torch.ops.aten
_CONVOLUTIONS = {_aten.convolution.default}
_POOLINGS = {_aten.max_pool2d_with_indices.default, _aten.avg_pool2d.default}
_PRODUCTS = {_aten.addmm.default, _aten.mm.default, _aten.bmm.default, _aten.baddbmm.default}
#: After these, every value depends on all places.
_GATHERING = {
    _aten.mean.dim,
    _aten.amax.default,
    _aten._adaptive_avg_pool2d.default,
    _aten.adaptive_max_pool2d.default,
    *_PRODUCTS,
}


@dataclass
class TracedLayer:
    """One layer as it ran.

    Attributes
    ----------
    name, kind : str
        Path in the module, and a description such as ``conv 3/2 + norm + relu``.
    output_shape : tuple of int
        Without the batch axis.
    parameters, multiply_adds : int
    receptive_field : tuple of int, "all" or None
    activation_bytes : int
        Of the output in FP32.
    fp32_bytes, int8_bytes : int
        Of the weights in an exported file, normalisation folded into them.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: ReceptiveField
    activation_bytes: int
    fp32_bytes: int
    int8_bytes: int


@dataclass(frozen=True)
class Trace:
    """A run of a network on one input.

    Attributes
    ----------
    layers : list of TracedLayer
        In the order in which they ran.
    output_shape : tuple of int
        Without the batch axis.
    peak_activation_bytes : int
        Most memory that inputs and outputs of layers hold at one time, in FP32.
    """

    layers: list[TracedLayer]
    output_shape: tuple[int, ...]
    peak_activation_bytes: int


def trace_network(module: nn.Module, inputs: Mapping[str, torch.Tensor]) -> Trace:
    """Run a network in evaluation mode and take note of its layers.

    Parameters
    ----------
    module : torch.nn.Module
        On the ``meta`` device.
    inputs : mapping of str to tensor
        A batch of one, on the ``meta`` device, by the names of the arguments of ``forward``.

    Raises
    ------
    ShapeError
        The input is too small or of another shape than a layer takes.
    """
    recorder = _Recorder(inputs)
    module.eval()
    handles = [
        handle
        for name, each in module.named_modules()
        for handle in recorder.watch(name or type(module).__name__, each)
    ]
    try:
        with checked_shapes(module), torch.no_grad(), recorder:
            outputs = module(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    first = outputs if isinstance(outputs, torch.Tensor) else outputs[0]
    return Trace(recorder.layers, tuple(first.shape[1:]), recorder.memory.peak)


@dataclass(frozen=True)
class _Field:
    """Size of the receptive field, and input pixels from one value to the next; by axis."""

    size: tuple[int, ...]
    step: tuple[int, ...]

    def behind(
        self, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
    ) -> _Field:
        axes = len(self.size)
        # A 1-D pooling runs as a 2-D one of height 1.
        window = list(zip(kernel, stride, dilation, strict=True))[-axes:]
        size = (
            s + (k - 1) * d * t
            for s, t, (k, _, d) in zip(self.size, self.step, window, strict=True)
        )
        step = (t * stride for t, (_, stride, _) in zip(self.step, window, strict=True))
        return _Field(tuple(size), tuple(step))


_T = TypeVar("_T")
_ByTensor = MutableMapping[torch.Tensor, _T]


def _by_tensor() -> _ByTensor[Any]:
    """Return a mapping that forgets a tensor when nobody holds it any more."""
    mapping: _ByTensor[Any] = WeakIdKeyDictionary()
    return mapping


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation of a run, and by its hooks which layer it belongs to."""

    def __init__(self, inputs: Mapping[str, torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[TracedLayer] = []
        self.memory = ActivationMemory()
        self._fields: _ByTensor[_Field | Literal["all"]] = _by_tensor()
        self._buffers: _ByTensor[Buffer] = _by_tensor()
        self._makers: _ByTensor[TracedLayer] = _by_tensor()
        self._counts: list[int] = []
        self._seen: set[int] = set()
        for tensor in inputs.values():
            self._keep(tensor, self.memory.new(tensor))
            axes = tensor.ndim - 2
            if axes > 0:
                self._fields[tensor] = _Field((1,) * axes, (1,) * axes)

    def watch(self, name: str, module: nn.Module) -> list[Any]:
        """Return the handles of the hooks on a module."""

        def before(_module: nn.Module, _inputs: Any) -> None:
            self._counts.append(0)

        def after(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self._finish(name, module, inputs, output, self._counts.pop())

        return [
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after),
        ]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        results = [t for t in _tensors(output) if t.is_floating_point()]
        sources = [t for t in _tensors(args) if t in self._buffers]
        if not sources or not results:
            return output
        if self._counts:
            self._counts[-1] += _multiply_adds(func, args, results[0])
        seen = self._field_behind(func, args, sources, results[0])
        maker = next((self._makers[t] for t in sources if t in self._makers), None)
        for result in results if func not in _POOLINGS else results[:1]:
            if seen is not None:
                self._fields[result] = seen
            if result not in self._buffers:
                self._keep(result, self._buffer_of(func, sources, result))
            if maker is not None and func not in (_CONVOLUTIONS | _POOLINGS | _PRODUCTS):
                self._makers.setdefault(result, maker)
        return output

    def _keep(self, tensor: torch.Tensor, buffer: Buffer) -> None:
        self._buffers[tensor] = buffer
        self.memory.hold(buffer, tensor)

    def _buffer_of(self, func: Any, sources: list[torch.Tensor], result: torch.Tensor) -> Buffer:
        storage = result.untyped_storage()._cdata
        for source in sources:
            if source.untyped_storage()._cdata == storage:
                return self._buffers[source]
        if func not in (_CONVOLUTIONS | _POOLINGS | _PRODUCTS):
            alike = [self._buffers[t] for t in sources if t.shape == result.shape]
            if alike:
                # Normalised, rectified or added in place, behind the layer that ran last.
                return max(alike, key=lambda buffer: buffer.number)
        return self.memory.new(result)

    def _field_behind(
        self, func: Any, args: Any, sources: list[torch.Tensor], result: torch.Tensor
    ) -> _Field | Literal["all"] | None:
        fields = [self._fields[t] for t in sources if t in self._fields]
        if not fields:
            return None
        if "all" in fields or func in _GATHERING:
            return "all"
        spatial = [f for f in fields if isinstance(f, _Field)]
        joined = _Field(
            tuple(map(max, zip(*(f.size for f in spatial), strict=True))),
            tuple(map(max, zip(*(f.step for f in spatial), strict=True))),
        )
        axes = len(joined.size)
        if func in _CONVOLUTIONS:
            return joined.behind(args[1].shape[2:], args[3], args[5])
        if func in _POOLINGS:
            kernel = pair(args[1])
            stride = pair(args[2]) if len(args) > 2 and args[2] else kernel
            return joined.behind(kernel, stride, (1,) * len(kernel))
        return joined if result.ndim >= axes + 2 or func is _aten.squeeze.dim else "all"

    def _finish(
        self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any, count: int
    ) -> None:
        if isinstance(module, SKIPPED):
            return
        first = next(_tensors(output), None)
        own = [p for p in module.parameters(recurse=False) if id(p) not in self._seen]
        self._seen.update(map(id, own))
        leaf = next(module.children(), None) is None
        if first is None or not (leaf or count or own):
            return
        parameters = sum(p.numel() for p in own)
        fused = FUSED.get(type(module))
        source = next(_tensors(inputs), None)
        maker = self._makers.get(source) if source is not None else None
        if fused and maker is not None:
            maker.parameters += parameters
            if maker.kind.partition(" ")[0] in ("conv", "depthwise", "fc"):
                maker.kind += f" + {fused}"
            self._makers[first] = maker
            return
        layer = _layer(name, module, own, first, count)
        layer.receptive_field = self._reported(first)
        self.layers.append(layer)
        self._makers[first] = layer

    def _reported(self, tensor: torch.Tensor) -> ReceptiveField:
        seen = self._fields.get(tensor)
        return seen.size if isinstance(seen, _Field) else seen


def _layer(
    name: str, module: nn.Module, own: list[nn.Parameter], output: torch.Tensor, count: int
) -> TracedLayer:
    parameters = sum(p.numel() for p in own)
    fp32 = int8 = parameters * _FLOAT_BYTES
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear) and own:
        channels, weights = module.weight.shape[0], module.weight.numel()
        fp32 = (weights + channels) * _FLOAT_BYTES
        int8 = weights + channels * _CHANNEL_BYTES_INT8
    return TracedLayer(
        name=name,
        kind=layer_kind(module),
        output_shape=tuple(output.shape[1:]),
        parameters=parameters,
        multiply_adds=count,
        receptive_field=None,
        activation_bytes=output.numel() * _FLOAT_BYTES,
        fp32_bytes=fp32,
        int8_bytes=int8,
    )


def _multiply_adds(func: Any, args: Any, output: torch.Tensor) -> int:
    if func in _CONVOLUTIONS:
        return output.numel() * int(math.prod(args[1].shape[1:]))
    if func in _PRODUCTS:
        # The sum comes first in those that add.
        left = args[1] if func in (_aten.addmm.default, _aten.baddbmm.default) else args[0]
        return output.numel() * int(left.shape[-1])
    return 0


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in nested tuples, lists and mappings."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
