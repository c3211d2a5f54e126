"""CUDA: its libraries, those that pip installed and those that are missing, and its options."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from edgecnn.errors import ProviderError
from edgecnn.runtime.elf import missing_libraries, needed_libraries

__all__ = ["cuda_options", "missing_cuda", "preload_cuda"]

#: Opened when a convolution first runs, so the provider's own list does not name it.
_CUDNN = "libcudnn.so.9"
_DRIVER = "libcuda.so.1"


def preload_cuda(runtime: Any) -> None:
    """Load the CUDA and cuDNN that pip or torch installed, silently.

    ONNX Runtime prints what it does not find to stdout, which belongs to results, and logs it to
    stderr in several lines; :func:`missing_cuda` says it in one.
    """
    if hasattr(runtime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            runtime.preload_dlls()
    if hasattr(runtime, "set_default_logger_severity"):
        runtime.set_default_logger_severity(4)


def missing_cuda(runtime: Any) -> ProviderError | None:
    """Find the libraries that ONNX Runtime's CUDA provider needs and that are not here.

    Returns
    -------
    ProviderError or None
        To be raised or printed: it names them all, and how to get them. None when all are here.
    """
    library = Path(runtime.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so"
    try:
        needed = needed_libraries(library)
    except (OSError, ValueError) as error:
        return ProviderError(
            f"CUDA's provider cannot be read: {error}",
            hint="install the onnxruntime-gpu package again",
        )
    preload_cuda(runtime)
    missing = missing_libraries([*needed, _CUDNN])
    if not missing:
        return None
    majors = [name.rsplit(".", 1)[1] for name in needed if name.startswith("libcudart.so.")]
    version = f"CUDA {majors[0]}" if majors else "CUDA"
    cures = []
    if _DRIVER in missing:
        cures.append("install NVIDIA's driver")
    if set(missing) - {_DRIVER}:
        cures.append(f"install {version} and cuDNN 9: pip install 'onnxruntime-gpu[cuda,cudnn]'")
    return ProviderError(
        f"compiled for {version}, it cannot start without {', '.join(missing)}",
        hint="; ".join(cures),
    )


def cuda_options(*, graph: bool = False) -> dict[str, str]:
    """Return the options of ONNX Runtime's CUDA provider.

    Parameters
    ----------
    graph : bool
        Record the kernels of a run once, and replay them: what starting them costs is saved, and
        inputs and outputs must stay at their places and sizes.
    """
    options = {
        # The default tries every algorithm on every new shape: seconds for the first frame.
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "1",
        # Memory in steps of what is needed, not in powers of two: boards share it with the CPU.
        "arena_extend_strategy": "kSameAsRequested",
    }
    if graph:
        options["enable_cuda_graph"] = "1"
    return options
