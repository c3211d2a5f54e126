"""Make another form of a file: in FP16, with preprocessing inside, with decoding inside."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.bundled import resolve_model
from edgecnn.data.dataset import Dataset
from edgecnn.errors import TaskError, UsageError
from edgecnn.evaluation.sampling import draw
from edgecnn.export.derive_check import (
    FP16_TOLERANCE,
    PREPARING_TOLERANCE,
    check_decoding,
    moved,
)
from edgecnn.export.derive_report import DeriveReport, Step
from edgecnn.export.drawings import drawn_frames, drawn_inputs
from edgecnn.export.embed import embed, serialized
from edgecnn.export.embed_decoding import embed_decoding
from edgecnn.export.embed_preprocessing import embed_preprocessing
from edgecnn.export.fp16 import Fp16Graph, to_fp16
from edgecnn.export.fp16_rounding import with_rounding
from edgecnn.export.golden import FP16_DRIFT, FP32_DRIFT, INT8_DRIFT, make_golden, without_golden
from edgecnn.export.opset import opset_of, runtime_of
from edgecnn.export.provenance import with_settings
from edgecnn.export.strip_paths import strip_paths
from edgecnn.export.written import check_target
from edgecnn.files import atomic_path, sha256_of
from edgecnn.metadata import HalfPrecision, ImageInput, Measured, ModelMetadata, Parity
from edgecnn.preprocessing.image import image_tensor
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model, load_model

__all__ = ["derive_model"]

#: Another one than that of the golden vectors, or of a comparison with PyTorch.
_SEED = 2


def derive_model(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    fp16: bool = False,
    keep_io: bool = True,
    block: Sequence[str] = (),
    preprocessing: bool = False,
    decoding: bool = False,
    top: int = 5,
    contract: ModelMetadata | None = None,
    data: Dataset | None = None,
    samples: int = 64,
) -> DeriveReport:
    """Make another form of a model file, hold it to the file's answers, and write it.

    Parameters
    ----------
    source : path
        An ``.onnx`` file, or ``bundled:NAME``.
    out : path
        The new file. Whatever fails leaves none, and an older one as it was.
    fp16 : bool
        Weights and arithmetic in FP16: see :func:`edgecnn.export.fp16.to_fp16`, which ``keep_io``
        and ``block`` go to.
    preprocessing : bool
        See :func:`edgecnn.export.embed_preprocessing.embed_preprocessing`.
    decoding : bool
        See :func:`edgecnn.export.embed_decoding.embed_decoding`, which ``top`` goes to.
    contract : ModelMetadata, optional
        For a file that brings none.
    data : Dataset, optional
        Real inputs to compare on; the default is drawings.
    samples : int
        How many of them.

    Returns
    -------
    DeriveReport

    Raises
    ------
    UsageError
        Nothing is asked for, or the file would replace its source.
    ParityError
        Answers moved by more than the step's tolerance.
    TaskError, ModelError, MetadataError, MissingFileError
        The file cannot be changed in this way, or be read.

    Examples
    --------
    >>> derive_model("bundled:digits-yolo", "digits.onnx", preprocessing=True,
    ...              decoding=True).decoded.names                       # doctest: +SKIP
    ('boxes', 'scores', 'labels')
    """
    if not (fp16 or preprocessing or decoding):
        raise UsageError("nothing is to be changed", hint="fp16, preprocessing or decoding")
    if samples < 1:
        raise UsageError(f"{samples} samples", hint="at least 1")
    file, out = resolve_model(source), Path(out)
    check_target(out, file)
    base = load_model(file, provider="cpu", check=contract is None, contract=contract)
    metadata = base.metadata
    model = onnx.load_model(file)
    opset = opset_of(model)
    strip_paths(model)
    steps: list[Step] = []
    half: Fp16Graph | None = None
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        stage = _Stage(Path(folder))
        before = base
        if fp16:
            _refuse_narrow(metadata)
            inputs = _inputs(metadata, data, samples)
            half = to_fp16(model, keep_io=keep_io, block=block, inputs=inputs)
            metadata = _with_half(metadata, half, file, keep_io=keep_io)
            rounded = stage.open(with_rounding(half.model), base.metadata)
            model = half.model
            after = stage.open(model, metadata)
            # Once with FP16's rounding, as it is where FP16 is real, and once as it runs here.
            steps += [_fp16_step(before, one, inputs) for one in (rounded, after)]
            steps = [max(steps, key=lambda step: step.max_share)]
            before = after
        if preprocessing:
            model, metadata = embed_preprocessing(model, metadata)
            after = stage.open(model, metadata)
            steps.append(_preparing_step(before, after, _frames(metadata, data, samples)))
            before = after
        if decoding:
            model, metadata = embed_decoding(model, metadata, top=top)
            after = stage.open(model, metadata)
            steps.append(check_decoding(after, _with_sizes(metadata, data, samples)))
    metadata = with_settings(
        metadata,
        base.metadata,
        fp16=fp16,
        fp16_io=fp16 and not keep_io,
        fp16_block=",".join(block),
        embed_preprocessing=preprocessing,
        embed_decoding=decoding,
        top=top if decoding else 0,
    )
    with atomic_path(out) as temporary:
        embed(model, metadata)
        temporary.write_bytes(serialized(model))
        made = load_model(temporary, provider="cpu", check=False)
        golden = make_golden(metadata, made.run, drift=_drift(metadata))
        embed(model, metadata, golden, _measured(base.measured, steps))
        temporary.write_bytes(serialized(model))
        # Opened once more as a device opens it, golden vectors and all.
        load_model(temporary, provider="cpu")
    operators = [node.op_type for node in model.graph.node]
    remarks = _remarks(half, metadata, out.stat().st_size / file.stat().st_size)
    if golden is None:
        remarks += (without_golden(metadata),)
    if opset_of(model) != opset:
        remarks += (f"opset {opset} became {opset_of(model)}, which has what was embedded",)
    return DeriveReport(
        path=str(out),
        source=str(file),
        sha256=sha256_of(out),
        size_bytes=out.stat().st_size,
        opset=opset_of(model),
        ir_version=model.ir_version,
        nodes={name: operators.count(name) for name in sorted(set(operators))},
        golden=len(golden.examples) if golden else 0,
        steps=tuple(steps),
        kept_fp32=half.kept if half else (),
        flushed=sum(half.flushed.values()) if half else 0,
        input=next(iter(metadata.input.tensors)),
        inputs=tuple(metadata.input.tensors),
        decoded=metadata.output.decoded,
        oldest_runtime=runtime_of(model),
        remarks=remarks,
    )


class _Stage:
    """Opens graphs that are in memory, each in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def open(self, model: onnx.ModelProto, metadata: ModelMetadata) -> Model:
        self._count += 1
        path = self._folder / f"{self._count}.onnx"
        staged = onnx.ModelProto()
        staged.CopyFrom(model)
        path.write_bytes(serialized(embed(staged, metadata)))
        return load_model(path, provider="cpu", check=False)


def _refuse_narrow(metadata: ModelMetadata) -> None:
    if metadata.provenance.half is not None:
        raise TaskError(f"{metadata.name} is FP16 already")
    embedded = isinstance(metadata.input, ImageInput) and metadata.input.embedded
    if embedded or metadata.output.decoded is not None:
        raise TaskError(
            f"{metadata.name} has preprocessing or decoding embedded, which are FP32",
            hint="start from the file without, and ask for all at once",
        )


def _with_half(
    metadata: ModelMetadata, half: Fp16Graph, file: Path, *, keep_io: bool
) -> ModelMetadata:
    recipe = HalfPrecision(
        kept_fp32=tuple(layer.node for layer in half.kept),
        keep_io=keep_io,
        # What was measured is in that hash too, with its date; a lock says more, and stays.
        source_sha256="" if metadata.provenance.lock else sha256_of(file),
    )
    provenance = msgspec.structs.replace(metadata.provenance, half=recipe)
    return msgspec.structs.replace(metadata, provenance=provenance)


def _fp16_step(before: Model, after: Model, inputs: Tensors) -> Step:
    count = len(next(iter(inputs.values())))
    rows = ({name: x[i : i + 1] for name, x in inputs.items()} for i in range(count))
    pairs = ((before.run(row), after.run(row)) for row in rows)
    return moved(pairs, before.metadata, what="fp16", against="FP32", tolerance=FP16_TOLERANCE)


def _preparing_step(before: Model, after: Model, frames: Iterator[NDArray[np.uint8]]) -> Step:
    spec, frame = before.metadata.input, after.metadata.input
    assert isinstance(spec, ImageInput)
    assert isinstance(frame, ImageInput)
    pairs = (
        (
            before.run({spec.name: image_tensor(picture, spec)[None]}),
            after.run({frame.name: picture[None]}),  # type: ignore[dict-item]
        )
        for picture in frames
    )
    return moved(
        pairs,
        before.metadata,
        what="embed-preprocessing",
        against="preprocessing by OpenCV",
        tolerance=PREPARING_TOLERANCE,
    )


def _inputs(metadata: ModelMetadata, data: Dataset | None, samples: int) -> Tensors:
    if data is None:
        return drawn_inputs(metadata, samples, seed=_SEED)
    return data.inputs(metadata.input, draw(len(data), samples, seed=_SEED))


def _frames(
    metadata: ModelMetadata, data: Dataset | None, samples: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield raw pictures, of the data's own sizes or of many."""
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    if data is None:
        yield from drawn_frames(metadata, samples, seed=_SEED)
        return
    for index in draw(len(data), samples, seed=_SEED):
        yield data.inputs(spec, np.array([index]))[spec.name][0]


def _with_sizes(
    metadata: ModelMetadata, data: Dataset | None, samples: int
) -> Iterator[tuple[Tensors, tuple[int, int]]]:
    """Yield one row of inputs after another, with the size of its picture."""
    spec = metadata.input
    if isinstance(spec, ImageInput) and spec.embedded:
        for frame in _frames(metadata, data, samples):
            yield {spec.name: frame[None]}, frame.shape[:2]  # type: ignore[dict-item]
        return
    inputs = _inputs(metadata, data, samples)
    for row in range(len(next(iter(inputs.values())))):
        yield {name: x[row : row + 1] for name, x in inputs.items()}, (0, 0)


def _drift(metadata: ModelMetadata) -> dict[str, float]:
    if metadata.provenance.quantization is not None:
        return INT8_DRIFT
    return FP32_DRIFT if metadata.provenance.half is None else FP16_DRIFT


def _measured(before: Measured | None, steps: Sequence[Step]) -> Measured:
    """Keep what was measured of the source, and say that it was; latency is another one now."""
    measured = before or Measured()
    names = ", ".join(step.what for step in steps)
    accuracy = tuple(
        msgspec.structs.replace(one, note="; ".join(filter(None, (one.note, f"before {names}"))))
        for one in measured.accuracy
    )
    parity = measured.parity
    if compared := [step for step in steps if step.what != "embed-decoding"]:
        last = compared[-1]
        parity = Parity(
            max_abs=last.max_abs,
            max_rel=last.max_share,
            top1_agreement=last.agreement,
            samples=last.samples,
            atol=last.tolerance * last.max_abs / last.max_share if last.max_share else 0.0,
            rtol=0.0,
            reference=last.against,
        )
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return msgspec.structs.replace(
        measured, accuracy=accuracy, parity=parity, latency=(), date=today
    )


def _remarks(half: Fp16Graph | None, metadata: ModelMetadata, size: float) -> tuple[str, ...]:
    remarks = []
    if half is not None:
        remarks.append(
            f"{size:.2f} times the size, but no faster on a CPU: ONNX Runtime computes FP16 in "
            "FP32 there, with casts around every node; it pays on a GPU (`edgecnn bench --provider "
            "cuda`)"
        )
        if half.flushed:
            remarks.append(
                f"{sum(half.flushed.values()):,} weights too small for FP16 became 0; no channel "
                "changed by more than rounding"
            )
    if metadata.output.decoded is not None and metadata.task == "classify":
        remarks.append("labels are numbers: the names are in the file's metadata, key `edgecnn`")
    return tuple(remarks)
