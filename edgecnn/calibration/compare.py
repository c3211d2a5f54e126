"""Two model files side by side: answers, layers, latency."""

from __future__ import annotations

import os
from collections.abc import Callable

import onnx

from edgecnn.calibration.compare_layers import (
    batch_of,
    compare_layers,
    is_derived,
    is_noisy,
    layer_batches,
)
from edgecnn.calibration.compare_report import Between, ClassChange, CompareReport, FileFacts
from edgecnn.calibration.dynamic import one_step
from edgecnn.calibration.latency import compare_latency
from edgecnn.calibration.outcome import dataset_name
from edgecnn.calibration.sqnr import LayerNoise
from edgecnn.data.dataset import Dataset
from edgecnn.errors import MetadataError
from edgecnn.evaluation.compare_classifiers import compare_classifiers
from edgecnn.evaluation.compare_detectors import compare_detectors
from edgecnn.evaluation.compare_pictures import compare_picture_makers
from edgecnn.evaluation.compare_writers import compare_writers
from edgecnn.evaluation.language import NATS_PER_CHARACTER
from edgecnn.evaluation.paired_answers import PairedAnswers, require_comparable
from edgecnn.evaluation.sampling import draw
from edgecnn.export.quantized import quantized_operator
from edgecnn.files import sha256_of
from edgecnn.metadata import Accuracy, CharacterInput, ClassScore, ModelMetadata
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.machine import describe_machine, usable_cpus
from edgecnn.runtime.session import Model, load_model

__all__ = ["compare_models", "open_pair"]

Progress = Callable[[str, int, int], None]


def open_pair(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    *,
    provider: str = "auto",
    threads: int | None = None,
    contract: ModelMetadata | None = None,
) -> tuple[Model, Model]:
    """Open two files, and refuse them if their answers have nothing in common.

    Their golden vectors are not run: that a file answers otherwise than it should is what a
    comparison is to show. Idle threads do not spin: with two sessions in one process, those of one
    would take the CPU from the other.

    Parameters
    ----------
    contract : ModelMetadata, optional
        For whichever of them brings none.

    Raises
    ------
    MissingFileError, NotAModelError, MetadataError, ProviderError, TaskError
    """

    def opened(path: str | os.PathLike[str], contract: ModelMetadata | None) -> Model:
        return load_model(
            path,
            provider=provider,
            threads=threads,
            check=False,
            spinning=False,
            contract=contract,
        )

    models = []
    for path in (first, second):
        try:
            model = opened(path, None)
        except MetadataError:
            if contract is None:
                raise
            model = opened(path, contract)
        models.append(model)
    require_comparable(*models)
    return models[0], models[1]


def compare_models(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    seed: int = 0,
    batch: int = 64,
    layer_samples: int = 64,
    seconds: float = 2.0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CompareReport:
    """Compare two files of one task on the same data.

    Parameters
    ----------
    first, second : Model
        From :func:`edgecnn.runtime.session.load_model`; usually the FP32 file, and what was made
        of it. Each preprocesses by its own metadata.
    dataset : Dataset
        Without labels only agreement is measured.
    limit : int, optional
        Only so many examples, drawn with ``seed``; of running text, characters from its beginning.
    batch : int
        Examples per run of a classifier.
    layer_samples : int
        Examples that layers are compared on, drawn from the same; 0 leaves that out.
    seconds : float
        Time to spend on comparing latencies; 0 leaves that out.
    threads : int, optional
        What the models were opened with, for the report.
    progress : callable, optional
        Called with (stage, done, total); stages are ``comparing``, ``layers``, ``timing``.

    Returns
    -------
    CompareReport

    Raises
    ------
    TaskError
        The models' answers have nothing in common.
    DataError
        No examples, or labels that the models do not know.
    """
    require_comparable(first, second)
    tell = progress or (lambda stage, done, total: None)

    def comparing(done: int, total: int) -> None:
        tell("comparing", done, total)

    answers = _answers(
        first,
        second,
        dataset,
        limit=limit,
        seed=seed,
        batch=batch_of(first, second, batch),
        progress=comparing,
    )
    sample = _sample(first, dataset, answers), _sample(second, dataset, answers)
    noise: tuple[LayerNoise, ...] = ()
    chosen = answers.indices[draw(len(answers.indices), layer_samples, seed=seed)]
    graphs = [onnx.load_model(model.path) for model in (first, second)]
    if layer_samples and len(chosen) and is_derived(first, second, graphs):

        def layered(done: int, total: int) -> None:
            tell("layers", done, total)

        batches = layer_batches(first, second, dataset, chosen, progress=layered)
        noise = compare_layers(graphs, batches)
    timed = None
    if seconds > 0:
        tell("timing", 0, 1)
        timed = compare_latency(
            lambda: first.run(sample[0]), lambda: second.run(sample[1]), seconds=seconds
        )
        tell("timing", 1, 1)
    before, after = answers.first, answers.second
    return CompareReport(
        first=_facts(first, graphs[0]),
        second=_facts(second, graphs[1]),
        task=first.metadata.task,
        data=dataset_name(dataset),
        n=answers.n,
        unit=answers.unit,
        note=before.note if before else dataset.info.note,
        metric=before.metric if before else None,
        value=Between(before.value, after.value) if before and after else None,
        interval_95=(before.interval_95, after.interval_95) if before and after else None,
        difference=answers.difference,
        difference_interval_95=answers.difference_interval_95,
        interval_method=answers.interval_method,
        drop=_drop(before, answers.difference),
        test=answers.test,
        agreement=answers.agreement,
        agreement_on=answers.agreement_on,
        agreement_interval_95=answers.agreement_interval_95,
        outputs=answers.outputs,
        per_class=_by_class(before, after),
        flips=answers.flips,
        worst=answers.worst,
        layers=noise,
        layers_n=len(chosen) if noise else 0,
        latency_ms=Between(timed.first_ms[0], timed.second_ms[0]) if timed else None,
        latency_p95_ms=Between(timed.first_ms[1], timed.second_ms[1]) if timed else None,
        speedup=timed.speedup if timed else None,
        speedup_range=timed.speedup_range if timed else None,
        settings={
            "seed": seed,
            "limit": limit or 0,
            "threads": threads or usable_cpus(),
            "machine": describe_machine().cpu,
        },
        remarks=_remarks(first, second, answers, noise),
    )


def _answers(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None,
    seed: int,
    batch: int,
    progress: Callable[[int, int], None],
) -> PairedAnswers:
    task = first.metadata.task
    if task == "generate":
        return compare_writers(first, second, dataset, limit=limit, progress=progress)
    if task == "classify":
        return compare_classifiers(
            first, second, dataset, limit=limit, seed=seed, batch=batch, progress=progress
        )
    compare = compare_detectors if task == "detect" else compare_picture_makers
    return compare(first, second, dataset, limit=limit, seed=seed, progress=progress)


def _sample(model: Model, dataset: Dataset, answers: PairedAnswers) -> Tensors:
    """Return one example, as a device meets it."""
    spec = model.metadata.input
    if isinstance(spec, CharacterInput):
        return one_step(spec)
    return dataset.inputs(spec, answers.indices[:1])


def _facts(model: Model, graph: onnx.ModelProto) -> FileFacts:
    recipe = model.metadata.provenance.quantization
    kind = "quantized" if quantized_operator(graph) else "FP32"
    if recipe is not None:
        kind = f"{recipe.format}, {recipe.weights}" if recipe.block else recipe.format
    elif kind == "FP32" and any(
        tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in graph.graph.initializer
    ):
        kind = "FP16"
    return FileFacts(
        path=str(model.path),
        sha256=sha256_of(model.path),
        size_bytes=model.path.stat().st_size,
        name=model.metadata.name,
        kind=kind,
        provider=model.placement.provider,
    )


def _drop(before: Accuracy | None, difference: float | None) -> float | None:
    if before is None or difference is None:
        return None
    # 0 is taken from, lest no drop reads -0.
    return difference if before.metric == NATS_PER_CHARACTER else 0.0 - difference


def _by_class(before: Accuracy | None, after: Accuracy | None) -> dict[str, ClassChange]:
    if before is None or after is None:
        return {}
    return {
        label: ClassChange(score, after.per_class[label], _change(score, after.per_class[label]))
        for label, score in before.per_class.items()
        # Neither there nor answered: of a thousand classes, most of them in a small set.
        if score.f1 is not None or after.per_class[label].f1 is not None
    }


def _change(before: ClassScore, after: ClassScore) -> float | None:
    pair = (
        (before.f1, after.f1)
        if before.average_precision is None
        else (before.average_precision, after.average_precision)
    )
    return None if pair[0] is None or pair[1] is None else pair[1] - pair[0]


def _remarks(
    first: Model, second: Model, answers: PairedAnswers, noise: tuple[LayerNoise, ...]
) -> tuple[str, ...]:
    """Say what a table of numbers may let one overlook."""
    remarks = []
    if answers.first is None and first.metadata.task != "image-to-image":
        remarks.append("no labels: which of the two is right where they differ is not known")
    if sha256_of(first.path) == sha256_of(second.path):
        remarks.append("both are the same file, byte by byte")
    if answers.outputs is not None and answers.outputs.not_finite:
        remarks.append(
            f"values that are no numbers come out for {answers.outputs.not_finite} {answers.unit}"
        )
    broken = next((layer for layer in noise if is_noisy(layer)), None)
    if broken is not None:
        remarks.append(
            f"the first layer with more than a tenth of noise is {broken.title} ({broken.tensor})"
        )
    return tuple(remarks)
