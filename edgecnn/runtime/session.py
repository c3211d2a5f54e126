"""A model file, opened: its session, its contract, and proof of where it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import (
    GoldenError,
    MetadataError,
    ModelError,
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
from edgecnn.runtime.failure import failure_text
from edgecnn.runtime.golden import check_golden
from edgecnn.runtime.opening import open_session
from edgecnn.runtime.providers import Placement, import_runtime

if TYPE_CHECKING:
    from edgecnn.runtime.bound_run import BoundRun

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
    bound : BoundRun or None
        Runs the session on an accelerator, with memory that it can copy from at once.
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
    bound: BoundRun | None = None

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

    @property
    def free_batch(self) -> bool:
        """Whether one run may take several examples."""
        shapes = [each.shape for each in self.session.get_inputs()]
        return self.bound is None and all(s and not isinstance(s[0], int) for s in shapes)

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
            run = self.session.run if self.bound is None else self.bound.run
            return run_session(run, names, inputs, self.half, self.run_options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            if self.run_options is not None and self.run_options.terminate:
                self.run_options.terminate = False
                raise ModelError(f"{self.path} took too long and was cancelled") from error
            raise ModelError(f"{self.path} failed on an input: {failure_text(error)}") from error

    def cancel(self) -> None:
        """Make the run at hand end with an error after its present node; from another thread."""
        if self.run_options is not None:
            self.run_options.terminate = True


def run_session(
    run: Callable[..., Any],
    names: Sequence[str],
    inputs: Tensors,
    half: Container[str],
    options: Any = None,
) -> list[NDArray[np.float32]]:
    """Run a session (its method ``run``) on FP32 numbers, whatever floats its file takes and gives.

    What it raises is ONNX Runtime's.
    """
    feeds = {name: x.astype(np.float16) if name in half else x for name, x in inputs.items()}
    outputs = run(list(names), feeds, options)
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
    cache: bool = False,
    require: bool = False,
    cuda_graph: bool = False,
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
    cache : bool
        Look for the optimised model in the user's cache, and keep it there:
        :mod:`edgecnn.runtime.session_cache`.
    require : bool
        Every node must run on the provider: one that was left to the CPU is an error.
    cuda_graph : bool
        Let CUDA record the network's kernels once and replay them; for inputs of one size.

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
    model = _open(
        file,
        contract,
        check=check,
        provider=provider,
        threads=threads,
        spinning=spinning,
        cache=cache,
        require=require,
        cuda_graph=cuda_graph,
    )
    if isinstance(model, Model):
        return model
    # What lies in the cache answers otherwise than the file did: it goes, and the file has its say.
    model.unlink(missing_ok=True)
    fresh = _open(
        file,
        contract,
        check=check,
        provider=provider,
        threads=threads,
        spinning=spinning,
        require=require,
    )
    assert isinstance(fresh, Model)
    return fresh


def _open(
    file: Path, contract: ModelMetadata | None, *, check: bool, cuda_graph: bool = False, **how: Any
) -> Model | Path:
    """Open a model; the path of its cached form if that fails the check of its golden vectors."""
    session, placement = open_session(file, cuda_graph=cuda_graph, **how)
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
    runtime = import_runtime()
    bound = None
    if placement.provider == "cuda":
        from edgecnn.runtime.bound_run import BoundRun

        bound = BoundRun(runtime, session, fixed=cuda_graph)
    model = Model(
        file,
        metadata,
        golden,
        measured,
        placement,
        (),
        session,
        half_inputs(session),
        runtime.RunOptions(),
        bound,
    )
    if not check or golden is None:
        return model
    try:
        warnings = check_golden(
            golden, metadata, model.run, provider=placement.provider, source=str(file)
        )
    except GoldenError:
        if placement.cached is None:
            raise
        return placement.cached
    return replace(model, warnings=tuple(warnings))


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
