"""FP32 file in, INT8 file out, with what it gained and what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from edgecnn.calibration.estimators import PERCENTILE, Method
from edgecnn.calibration.half import quantize_half
from edgecnn.calibration.integer import quantize_integer
from edgecnn.calibration.kinds import Kind
from edgecnn.calibration.plan import int8_path, make_plan
from edgecnn.calibration.report import QuantizeReport
from edgecnn.calibration.request import Progress, Request
from edgecnn.calibration.target import Target
from edgecnn.data.dataset import Dataset

__all__ = ["int8_path", "quantize_model"]


def quantize_model(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    calibration: Dataset,
    *,
    evaluate: Dataset | None = None,
    samples: int = 256,
    seed: int = 0,
    method: Method | Literal["auto"] = "auto",
    percentile: float = PERCENTILE,
    target: Target = "auto",
    activations: Literal["auto", "uint8", "int8"] = "auto",
    reduce_range: bool | None = None,
    form: Kind = "auto",
    bits: int = 8,
    block: int | None = None,
    exclude: Sequence[str] = (),
    leave: Sequence[str] | None = None,
    max_drop: float | None = None,
    min_agreement: float | None = None,
    select: Dataset | None = None,
    bias_correction: bool | None = None,
    frontier: str | os.PathLike[str] | None = None,
    page: str | os.PathLike[str] | None = None,
    allow_slower: bool = False,
    strict: bool = False,
    cache: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    seconds: float = 2.0,
    named: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Quantize a model file to 8 bits by static calibration (QDQ, weights per channel).

    A network that writes is recurrent, for which there is no such form: its weights are quantized,
    and activations by the range that each input turns out to have. It needs no calibration, and is
    timed and compared character by character.

    Parameters
    ----------
    path : path
        A file that edgecnn made, or ``bundled:NAME``; its own metadata preprocesses all data.
    out : path
        The new file; by convention ``NAME.int8.onnx`` (:func:`int8_path`).
    calibration : Dataset
        What activations are measured on: typical inputs, not test data. Labels are not needed;
        with them the classes are drawn as evenly as they allow.
    evaluate : Dataset, optional
        Labelled data to measure both files on.
    samples : int
        Calibration examples to draw.
    seed : int
        For the draw.
    method : "auto", "min-max", "moving-average", "percentile", "entropy" or "mse"
        See :func:`edgecnn.calibration.ranges.estimate_ranges`. ``auto`` tries all but
        ``moving-average``, and takes the one that leaves the least noise in the logits of
        calibration examples.
    percentile : float
        For ``"percentile"``: share of values that stay unclipped, in percent.
    target : "auto", "x86-vnni", "x86" or "arm"
        What the file will run on; ``auto`` is what this machine is. It decides the two below:
        see :func:`edgecnn.calibration.target.types_for`.
    activations : "auto", "uint8" or "int8"
        ``auto`` suits the target.
    reduce_range : bool, optional
        Weights of 7 bits; the default suits the target.
    form : "auto", "static", "dynamic", "weights" or "fp16"
        See :func:`edgecnn.calibration.kinds.choose_kind`.
    bits : 8 or 4
        Of weights: 4 is for ``form="weights"``, and asks for it. To keep to a budget layers have 8
        then.
    block : 16, 32, 64, 128 or 256, optional
        Of 4 bits, weights that share a scale; 32 by default.
    exclude : sequence of str
        Names of nodes to leave in FP32.
    leave : sequence of str, optional
        Blocks to leave in FP32, keys of :data:`edgecnn.calibration.settle.BLOCKS`. The default
        finds out by timing, where the target is this machine, which of them the file is faster
        without; with ``allow_slower`` none are left out.
    max_drop : float, optional
        Points (percent) of the task's metric that may be lost on ``evaluate``; of text, nats per
        character. The fewest layers go back to FP32 until that holds.
    min_agreement : float, optional
        Share of answers that must stay the same, 0..1; it needs no labels.
    select : Dataset, optional
        Labelled data to choose the form on, so that ``evaluate`` is measured on once. The default
        is ``evaluate`` itself, and then the report says so.
    bias_correction : bool, optional
        See :mod:`edgecnn.calibration.bias_correction`. The default takes it where it leaves less
        noise in the logits of calibration examples, or where a budget is not kept to otherwise.
    frontier : path, optional
        PNG of loss against latency for all forms that were measured, with the same as JSON beside
        it. With a budget the default is ``NAME.frontier.png`` beside ``out``.
    page : path, optional
        A report, one HTML file. Both files are run once more for it.
    allow_slower : bool
        Write the file also where it is clearly slower than the FP32 one, on the machine that it is
        for.
    strict : bool
        Stop at a picture that cannot be read; otherwise another one is drawn for it.
    cache : path, optional
        Folder to keep what calibration sees in: one that was killed goes on, a repeated one reads
        it. The command takes ``calibration`` in the user's cache; the default keeps nothing.
    threads : int, optional
        For the comparison of latencies; the default is all that this process may use.
    seconds : float
        Time to spend on that comparison.
    named : mapping of str to str, optional
        How ``model``, ``calibration`` and ``evaluate`` are to be called in the command
        that a report prints: as they were given. The file that is made does not tell.
    progress : callable, optional
        Called with (stage, done, total); stages are ``looking`` (at the examples), ``comparing
        data``, ``calibrating``, ``choosing method``, ``correcting biases``, ``choosing`` (which
        blocks to leave), ``searching`` and ``ranking layers`` (for the budget), ``comparing``,
        ``timing``, ``describing`` (inputs and answers).

    Returns
    -------
    QuantizeReport
        Its numbers go into the new file's metadata as well.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError
        The file cannot be used.
    ModelError
        It is quantized already, or nothing in it can be.
    DataError
        No calibration samples, data of another kind or shape than the model reads, pictures none
        of which can be read, or with ``strict`` one that cannot.
    UsageError
        A setting that does not exist.
    EdgeCNNError
        No form keeps to the budget, or the file is slower than the one that it is made of: nothing
        is written.

    Notes
    -----
    Integer arithmetic after Jacob et al. 2018 (arXiv:1712.05877).
    """
    request = Request(
        path=path,
        out=Path(out),
        calibration=calibration,
        evaluate=evaluate,
        samples=samples,
        seed=seed,
        method=method,
        percentile=percentile,
        target=target,
        activations=activations,
        reduce_range=reduce_range,
        form=form,
        bits=bits,
        block=block,
        exclude=tuple(exclude),
        leave=leave,
        max_drop=max_drop,
        min_agreement=min_agreement,
        select=select,
        bias_correction=bias_correction,
        frontier=frontier,
        page=None if page is None else Path(page),
        allow_slower=allow_slower,
        strict=strict,
        cache=None if cache is None else Path(cache),
        threads=threads,
        seconds=seconds,
        named=named or {},
        progress=progress,
    )
    plan = make_plan(request)
    return quantize_half(plan) if plan.choice.kind == "fp16" else quantize_integer(plan)
