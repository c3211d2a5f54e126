"""Opening a file as an ONNX Runtime session, on a provider that is proved to run it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgecnn.errors import MissingFileError, ModelError, NotAModelError, ProviderError
from edgecnn.runtime.machine import check_threads, usable_cpus
from edgecnn.runtime.planar import read_planar
from edgecnn.runtime.providers import (
    Placement,
    execution_provider,
    import_runtime,
    placement_of,
    require_all,
)
from edgecnn.runtime.session_cache import CachedSession
from edgecnn.runtime.tile_weights import read_tile_weights

__all__ = ["open_session"]


def open_session(
    file: Path,
    *,
    provider: str = "auto",
    threads: int | None = None,
    spinning: bool = True,
    cache: bool = False,
    require: bool = False,
    cuda_graph: bool = False,
) -> tuple[Any, Placement]:
    """Open a plain ONNX Runtime session, with proof of the placement.

    The parameters are those of :func:`~edgecnn.runtime.session.load_model`.

    Raises
    ------
    MissingFileError, NotAModelError, ProviderError
    """
    if not file.is_file():
        raise MissingFileError(
            f"no such model: {file}", hint="`edgecnn models` lists the bundled ones"
        )
    runtime = import_runtime()

    def start(provider: str, reason: str) -> tuple[Any, Placement]:
        def make_options() -> Any:
            return _session_options(runtime, threads, spinning=spinning)

        place = CachedSession.of(file, provider, runtime.__version__) if cache else None
        if place is not None:
            found = _start_cached(runtime, file, make_options, place, reason)
        else:
            graph = cuda_graph and provider == "cuda"
            found = _start(runtime, file, provider, make_options(), reason=reason, graph=graph)
        if require:
            require_all(found[1], file)
        return found

    if provider != "auto":
        return start(provider, "asked for")
    cuda = execution_provider("cuda")
    if cuda not in runtime.get_available_providers():
        return start("cpu", "this ONNX Runtime has no CUDA in it")
    try:
        return start("cuda", "CUDA started")
    except ProviderError as error:
        return start("cpu", f"CUDA cannot be used: {error.message}")


def _session_options(runtime: Any, threads: int | None, *, spinning: bool) -> Any:
    if threads is not None:
        check_threads(threads)
    options = runtime.SessionOptions()
    # What goes wrong is said by the errors; ONNX Runtime's own log lines would say it twice.
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or usable_cpus()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _start_cached(
    runtime: Any,
    file: Path,
    make_options: Callable[[], Any],
    place: CachedSession,
    reason: str,
) -> tuple[Any, Placement]:
    """Open the optimised model from the cache, or make it while the model is opened."""
    entry = place.find()
    if entry is not None:
        options = make_options()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        # By its path. From bytes, with "use_ort_model_bytes_for_initializers", it would open sooner
        # still, but Python's bytes are gone by the first run, and the answers are wrong.
        try:
            session = runtime.InferenceSession(
                str(place.path), options, providers=[execution_provider("cpu")]
            )
        except Exception:  # ONNX Runtime's exceptions have no common base class
            place.throw_away()
        else:
            return session, Placement(
                "cpu", entry.nodes, reason, entry.operators, cached=place.path
            )
    with place.making() as temporary:
        options = make_options()
        if temporary is not None:
            options.optimized_model_filepath = str(temporary)
            options.add_session_config_entry("session.save_model_format", "ORT")
        try:
            session, placement = _start(runtime, file, "cpu", options, reason=reason)
        except ModelError:
            if temporary is None:
                raise
            # What cannot be written in that format, or there, can be run all the same.
            return _start(runtime, file, "cpu", make_options(), reason=reason)
        if temporary is not None:
            place.keep(temporary, placement.nodes, placement.operators)
    return session, placement


def _start(
    runtime: Any, file: Path, provider: str, options: Any, *, reason: str, graph: bool = False
) -> tuple[Any, Placement]:
    wanted = execution_provider(provider)
    if wanted not in runtime.get_available_providers():
        raise ProviderError(
            f"this ONNX Runtime was built without {provider}",
            hint="pip uninstall onnxruntime && pip install 'edgecnn[gpu]'"
            if provider == "cuda"
            else f"it has: {', '.join(runtime.get_available_providers())}",
        )
    if provider == "cuda":
        from edgecnn.runtime.cuda import cuda_options, preload_cuda

        preload_cuda(runtime)
    chain: list[Any] = [wanted]
    if provider == "cuda":
        chain = [(wanted, cuda_options(graph=graph))]
    if provider != "cpu":
        chain.append(execution_provider("cpu"))
    # Some networks are faster in another form: the same sums, if their weights lie in the file.
    content = (read_planar(file) or read_tile_weights(file)) if provider == "cpu" else None
    try:
        session = runtime.InferenceSession(content or str(file), options, providers=chain)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        if provider != "cpu":
            # A broken file is no provider's fault: the CPU, which always starts, finds it out.
            _start(runtime, file, "cpu", options, reason=reason)
        raise _explained(error, file, provider) from error
    if provider != "cpu":
        session.disable_fallback()
    try:
        return session, placement_of(session, provider, reason)
    except ProviderError:
        if provider == "cuda":
            from edgecnn.runtime.cuda import missing_cuda

            if cause := missing_cuda(runtime):
                raise ProviderError(f"cuda: {cause.message}", hint=cause.hint) from None
        raise


_TOO_NEW = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")

_OUTSIDE = re.compile(r"Cannot parse data from external tensors.* for tensor: ([^\s\]]+)")


def _explained(error: Exception, file: Path, provider: str) -> ModelError | ProviderError:
    """Turn what ONNX Runtime threw into one line."""
    text = " ".join(str(error).split())
    if "NOT_IMPLEMENTED" in text:
        return NotAModelError(
            f"{file} needs an operator that {provider} has no kernel for: {text[-200:]}",
            hint="export it at another opset, or run it on another provider",
        )
    if provider != "cpu" and "INVALID_PROTOBUF" not in text:
        return ProviderError(
            f"{provider} cannot start: {text[-300:]}",
            hint="`edgecnn doctor` names the missing libraries",
        )
    if version := _TOO_NEW.search(text):
        return NotAModelError(
            f"{file} is of IR version {version[1]}; this ONNX Runtime reads up to {version[2]}",
            hint="a newer ONNX Runtime reads it; exported at a lower --opset, this one does",
        )
    _check_external(file)
    if outside := _OUTSIDE.search(text):
        return NotAModelError(
            f"{file}: {outside[1]!r}, which shapes depend on, lies in another file; ONNX Runtime "
            "wants it inside",
            hint="`edgecnn export` takes weights of other files in",
        )
    # "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : what people can read"
    reason = text.rpartition(" : ")[2].removesuffix(".")
    return NotAModelError(
        f"{file} is not a readable ONNX model ({reason[-160:]})",
        hint="the file may be cut short: compare its size with the original's",
    )


def _check_external(file: Path) -> None:
    """Say it if what is wrong are weights that are not there, or not to be read."""
    from edgecnn.runtime.graph_file import check_external, read_graph

    check_external(file, read_graph(file))
