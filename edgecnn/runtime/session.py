"""A model file, opened: its session, its contract, and proof of where it runs."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import (
    MetadataError,
    MissingFileError,
    ModelError,
    NotAModelError,
    ProviderError,
)
from edgecnn.metadata import (
    BASELINE_KEY,
    CONTRACT_KEY,
    Baseline,
    CharacterInput,
    Golden,
    ImageInput,
    Measured,
    ModelMetadata,
    decode_baseline,
    from_properties,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.golden import check_golden
from edgecnn.runtime.machine import check_threads, usable_cpus
from edgecnn.runtime.providers import (
    Placement,
    execution_provider,
    import_runtime,
    placement_of,
)

__all__ = ["Model", "half_inputs", "load_model", "open_session", "run_session"]


@dataclass(frozen=True)
class Model:
    """A model file that is ready to run.

    Attributes
    ----------
    path : Path
    metadata : ModelMetadata
        The contract stored in the file.
    golden : Golden or None
    measured : Measured or None
    placement : Placement
        Where its nodes run.
    warnings : tuple of str
        What the check of the golden vectors had to say.
    session : onnxruntime.InferenceSession
    half : frozenset of str
        Names of inputs that are FP16 in the graph; they are given as FP32.
    run_options : onnxruntime.RunOptions or None
        Of every run.
    """

    path: Path
    metadata: ModelMetadata
    golden: Golden | None
    measured: Measured | None
    placement: Placement
    warnings: tuple[str, ...]
    session: Any
    half: frozenset[str] = frozenset()
    run_options: Any = None

    @property
    def baseline(self) -> Baseline | None:
        """How inputs and answers were distributed in calibration; None in a file without that.

        Raises
        ------
        MetadataError
            What the file holds of it is broken.
        """
        text = self.session.get_modelmeta().custom_metadata_map.get(BASELINE_KEY)
        return decode_baseline(text) if text is not None else None

    def run(self, inputs: Tensors) -> NDArray[np.float32]:
        """Run preprocessed inputs.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            By the names in ``metadata.input``; the first axis is the batch.

        Returns
        -------
        ndarray of float32, shape (N, ...)
            The output named in the contract, as the network gives it: ``(N, classes)`` of a
            classifier.

        Raises
        ------
        ModelError
            ONNX Runtime refused the inputs or failed on them.
        """
        return self.run_outputs(inputs, (self.metadata.output.name,))[0]

    def run_outputs(self, inputs: Tensors, names: Sequence[str]) -> list[NDArray[np.float32]]:
        """Run preprocessed inputs and return the outputs of these names; raises as :meth:`run`."""
        try:
            return run_session(self.session, names, inputs, self.half, self.run_options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            if self.run_options is not None and self.run_options.terminate:
                self.run_options.terminate = False
                raise ModelError(f"{self.path} took too long and was cancelled") from error
            text = " ".join(str(error).split())
            raise ModelError(f"{self.path} failed on an input: {text[-300:]}") from error

    def cancel(self) -> None:
        """Make the run at hand end with an error after its present node; from another thread."""
        if self.run_options is not None:
            self.run_options.terminate = True


def run_session(
    session: Any,
    names: Sequence[str],
    inputs: Tensors,
    half: Container[str],
    options: Any = None,
) -> list[NDArray[np.float32]]:
    """Run a session on FP32 numbers, whatever floats its file takes and gives.

    What it raises is ONNX Runtime's.
    """
    feeds = {name: x.astype(np.float16) if name in half else x for name, x in inputs.items()}
    outputs = session.run(list(names), feeds, options)
    return [x.astype(np.float32) if x.dtype == np.float16 else x for x in outputs]


def half_inputs(session: Any) -> frozenset[str]:
    """Return the names of inputs that are FP16."""
    return frozenset(i.name for i in session.get_inputs() if i.type == "tensor(float16)")


def load_model(
    path: str | os.PathLike[str],
    *,
    provider: str = "auto",
    threads: int | None = None,
    check: bool = True,
    spinning: bool = True,
    contract: ModelMetadata | None = None,
) -> Model:
    """Open an ``.onnx`` file made by edgecnn and check that it answers here as it did there.

    Parameters
    ----------
    path : path
        The file, or ``bundled:NAME`` for one of the models that come with edgecnn.
    provider : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ... An asked-for provider that cannot run the model is
        an error; ``"auto"`` takes CUDA where it starts, else the CPU.
    threads : int, optional
        Threads per operator; the default is the number of CPUs this process may use.
    check : bool
        Run the golden vectors.
    spinning : bool
        Let idle threads wait by spinning: quickest where the model is all that runs. A live
        pipeline, whose capture and drawing need the same CPUs, is faster and steadier without.
    contract : ModelMetadata, optional
        For a file that brings none. One that has its own keeps to it: this is an error then.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError, ProviderError, GoldenError

    Examples
    --------
    >>> model = load_model("bundled:mnist-lenet5")
    >>> model.metadata.task, len(model.metadata.labels)
    ('classify', 10)
    """
    from edgecnn.bundled import resolve_model

    file = resolve_model(path)
    session, placement = open_session(file, provider=provider, threads=threads, spinning=spinning)
    properties = session.get_modelmeta().custom_metadata_map
    if contract is None:
        metadata, golden, measured = from_properties(properties, str(file))
    elif CONTRACT_KEY in properties:
        raise MetadataError(
            f"{file} has a contract of its own, and is given another",
            hint="leave --metadata out; `edgecnn inspect` shows what the file says",
        )
    else:
        metadata, golden, measured = contract, None, None
    _check_signature(session, metadata, file)
    model = Model(
        file,
        metadata,
        golden,
        measured,
        placement,
        (),
        session,
        half_inputs(session),
        import_runtime().RunOptions(),
    )
    if not check or golden is None:
        return model
    warnings = check_golden(
        golden, metadata, model.run, provider=placement.provider, source=str(file)
    )
    return replace(model, warnings=tuple(warnings))


def open_session(
    file: Path, *, provider: str = "auto", threads: int | None = None, spinning: bool = True
) -> tuple[Any, Placement]:
    """Open a plain ONNX Runtime session, with proof of the placement.

    The parameters are those of :func:`load_model`.

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
        options = _session_options(runtime, threads, spinning=spinning)
        return _start(runtime, file, provider, options, reason=reason)

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


def _start(
    runtime: Any, file: Path, provider: str, options: Any, *, reason: str
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
        from edgecnn.runtime.cuda import preload_cuda

        preload_cuda(runtime)
    chain = [wanted] if provider == "cpu" else [wanted, execution_provider("cpu")]
    try:
        session = runtime.InferenceSession(str(file), options, providers=chain)
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
    _check_external(file)
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


def _check_signature(session: Any, metadata: ModelMetadata, file: Path) -> None:
    """Refuse a file whose contract names other tensors or another number of classes."""
    inputs = {i.name for i in session.get_inputs()}
    spec = metadata.input
    wanted = set(spec.tensors)
    if inputs != wanted:
        raise ModelError(
            f"{file}: its contract names inputs {sorted(wanted)}, it has {sorted(inputs)}"
        )
    outputs = {o.name: o.shape for o in session.get_outputs()}
    wanted_outputs = [metadata.output.name]
    if isinstance(spec, CharacterInput):
        wanted_outputs += [state.output for state in spec.states]
    for name in wanted_outputs:
        if name not in outputs:
            raise ModelError(f"{file}: its contract names output {name}, it has {sorted(outputs)}")
    shape = outputs[metadata.output.name]
    if metadata.task == "detect":
        _check_boxes(shape, metadata, file)
    if metadata.task != "classify":
        return
    if len(shape) != 2:
        raise ModelError(
            f"{file}: output {metadata.output.name} has {len(shape)} axes, not (N, classes)"
        )
    if isinstance(shape[1], int) and shape[1] != len(metadata.labels):
        raise ModelError(f"{file}: {len(metadata.labels)} labels for {shape[1]} outputs")


def _check_boxes(shape: Sequence[int | str | None], metadata: ModelMetadata, file: Path) -> None:
    """Refuse an output that the contract's decoder cannot read."""
    from edgecnn.runtime.tasks.boxes import expected_shape

    assert isinstance(metadata.input, ImageInput)
    assert metadata.output.boxes is not None
    wanted = expected_shape(metadata.output.boxes, metadata.input, len(metadata.labels))
    found = shape[1:]
    if len(found) == len(wanted) and all(
        size in (None, one) or not isinstance(one, int)
        for one, size in zip(found, wanted, strict=True)
    ):
        return
    shown = ", ".join("any" if size is None else str(size) for size in ("N", *wanted))
    raise ModelError(
        f"{file}: output {metadata.output.name} has shape ({', '.join(map(str, shape))}), but "
        f"{metadata.output.boxes.decoder} with {len(metadata.labels)} labels gives ({shown})",
        hint="do decoder, labels, strides and input size in the contract fit this network?",
    )
