"""Runs on an accelerator without waiting for memory: inputs in pages that it can copy from.

An ordinary array must first be copied into locked pages before the accelerator can fetch it. Here
inputs are written into such pages at once, and stay bound from run to run while their shapes do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.preprocessing.tensors import Tensors

__all__ = ["BoundRun"]


class BoundRun:
    """Runs a session through ONNX Runtime's IO binding.

    Parameters
    ----------
    runtime : module
        ``onnxruntime``.
    session : onnxruntime.InferenceSession
    fixed : bool
        Inputs and outputs keep their places on the device from the first run on, as a recorded
        graph needs them; another shape is an error then.
    device : str
        ONNX Runtime's name for the kind of device.
    """

    def __init__(
        self, runtime: Any, session: Any, *, fixed: bool = False, device: str = "cuda"
    ) -> None:
        self._runtime = runtime
        self._session = session
        self._fixed = fixed
        self._device = device
        self._pinned = None if fixed else _pinned_memory(runtime, device)
        self._binding = session.io_binding()
        self._values: dict[str, Any] = {}
        self._shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self._names: tuple[str, ...] = ()
        self._kept: list[Any] = []
        self._lock = threading.Lock()

    def run(self, names: Sequence[str], feeds: Tensors, options: Any = None) -> list[NDArray[Any]]:
        """Run as ``InferenceSession.run`` does.

        Raises
        ------
        ValueError
            Places are fixed, and an input has another shape than before.
        """
        with self._lock:
            # Outputs are written where those of the run before lie: other inputs, other places.
            anew = any([self._give(name, array) for name, array in feeds.items()])
            if anew or tuple(names) != self._names:
                self._bind_outputs(names)
            self._session.run_with_iobinding(self._binding, options)
            if self._fixed and not self._kept:
                self._kept = list(self._binding.get_outputs())
                for name, value in zip(names, self._kept, strict=True):
                    self._binding.bind_ortvalue_output(name, value)
            return [np.array(output) for output in self._binding.copy_outputs_to_cpu()]

    def _bind_outputs(self, names: Sequence[str]) -> None:
        self._binding.clear_binding_outputs()
        self._kept = []
        for name in names:
            # Fixed outputs stay on the device and are fetched after the run.
            self._binding.bind_output(name, self._device if self._fixed else "cpu", 0)
        self._names = tuple(names)

    def _give(self, name: str, array: NDArray[Any]) -> bool:
        """Write an input to where it is bound; True if it is bound anew."""
        kind = (array.shape, array.dtype)
        anew = self._shapes.get(name) != kind
        if anew and self._fixed and name in self._shapes:
            shape, dtype = self._shapes[name]
            raise ValueError(f"{name} was {dtype} {shape} and is {array.dtype} {array.shape} now")
        if anew:
            self._values[name], self._shapes[name] = self._allocate(array), kind
            self._binding.bind_ortvalue_input(name, self._values[name])
        value = self._values[name]
        if self._fixed:
            value.update_inplace(array)
        else:
            np.copyto(value.numpy(), array)
        return anew

    def _allocate(self, array: NDArray[Any]) -> Any:
        make = self._runtime.OrtValue.ortvalue_from_shape_and_type
        if self._fixed:
            return make(array.shape, array.dtype.type, self._device, 0)
        if self._pinned is not None:
            return make(array.shape, array.dtype.type, memory_info=self._pinned)
        return make(array.shape, array.dtype.type)


def _pinned_memory(runtime: Any, device: str) -> Any:
    """Return what describes locked pages of the device's driver; None where there are none."""
    wanted = f"{device}executionprovider"
    kind = getattr(runtime, "OrtDeviceMemoryType", None)
    if kind is None or not hasattr(runtime, "get_ep_devices"):
        return None
    for found in runtime.get_ep_devices():
        if found.ep_name.lower() == wanted:
            return found.memory_info(kind.HOST_ACCESSIBLE)
    return None
