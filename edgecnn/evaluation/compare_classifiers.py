"""Two classifiers on the same examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError
from edgecnn.evaluation.evaluate import (
    matched_targets,
    predict_dataset,
    ranked_rows,
    score_predictions,
)
from edgecnn.evaluation.metrics import macro_f1, wilson_interval
from edgecnn.evaluation.output_difference import output_difference
from edgecnn.evaluation.paired import (
    PairedTest,
    mcnemar,
    paired_accuracy_interval,
    paired_bootstrap_interval,
    sign_flip_by_group,
)
from edgecnn.evaluation.paired_answers import Changed, PairedAnswers, Progress
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import BeatInput
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import scores

__all__ = ["compare_classifiers"]

_MOST_FLIPS = 20
_MOST_WORST = 12


def compare_classifiers(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    seed: int = 0,
    batch: int = 64,
    progress: Progress | None = None,
) -> PairedAnswers:
    """Run two classifiers over a dataset.

    Parameters
    ----------
    first, second : Model
        With the same labels, in whatever order. Each preprocesses by its own metadata.
    dataset : Dataset
        Without labels only agreement is measured.

    Raises
    ------
    DataError
        No examples, or labels that the models do not know.
    """
    labels = first.metadata.labels
    notes = [dataset.info.note]
    targets = None
    if dataset.targets is not None and len(dataset):
        indices, targets, left_out = matched_targets(dataset, first.metadata)
        notes.append(left_out)
    else:
        indices = np.arange(len(dataset))
    if not len(indices):
        raise DataError(f"{dataset.info.name} holds no examples")
    chosen = draw(len(indices), limit, seed=seed)
    indices = indices[chosen]
    n = len(indices)
    if n < len(dataset) and limit is not None:
        notes.append(f"{n} examples drawn at random (seed {seed})")

    def logits_of(model: Model, before: int) -> NDArray[np.float32]:
        order = [model.metadata.labels.index(label) for label in labels]

        def half(done: int, _: int) -> None:
            if progress is not None:
                progress(before + done, 2 * n)

        return predict_dataset(model, dataset, indices=indices, batch=batch, progress=half)[
            :, order
        ]

    one, other = logits_of(first, 0), logits_of(second, n)
    answers = one.argmax(axis=1), other.argmax(axis=1)
    same = int(np.sum(answers[0] == answers[1]))
    measured = PairedAnswers(
        n=n,
        unit="examples",
        indices=indices,
        agreement=same / n,
        agreement_on="same label",
        agreement_interval_95=wilson_interval(same, n),
        outputs=output_difference(one, other),
        flips=_flips(answers, labels),
        worst=_worst(
            (_shares(first, one), _shares(second, other)),
            answers,
            targets=None if targets is None else targets[chosen],
            indices=indices,
            dataset=dataset,
            labels=labels,
        ),
    )
    if targets is None:
        return measured
    return _scored(measured, first, dataset, targets[chosen], answers, notes=notes)


def _scored(
    measured: PairedAnswers,
    model: Model,
    dataset: Dataset,
    targets: NDArray[np.int64],
    answers: tuple[NDArray[np.intp], NDArray[np.intp]],
    *,
    notes: list[str],
) -> PairedAnswers:
    """Add what labels tell."""
    metadata, indices = model.metadata, measured.indices
    before, after = (
        score_predictions(targets, answer, dataset, metadata, indices=indices, notes=notes)
        for answer in answers
    )
    right, other = (answer == targets for answer in answers)
    test: PairedTest
    if isinstance(metadata.input, BeatInput):
        _, rows = ranked_rows(metadata.labels)
        groups = np.full(len(indices), "all") if dataset.groups is None else dataset.groups[indices]
        interval = paired_bootstrap_interval(
            targets,
            answers[0],
            answers[1],
            groups,
            classes=len(metadata.labels),
            statistic=lambda matrix: macro_f1(matrix, rows),
        )
        if len(np.unique(groups)) > 1:
            method, test = "bootstrap by record", sign_flip_by_group(right, other, groups)
        else:
            method = "bootstrap of one record's beats"
            test = mcnemar(int(np.sum(right & ~other)), int(np.sum(~right & other)))
    else:
        test = mcnemar(int(np.sum(right & ~other)), int(np.sum(~right & other)))
        both = int(np.sum(right & other))
        interval = paired_accuracy_interval(
            both,
            test.only_first,
            test.only_second,
            len(indices) - both - test.only_first - test.only_second,
        )
        method = "Newcombe 1998, method 10"
    return replace(
        measured,
        first=before,
        second=after,
        difference=after.value - before.value,
        difference_interval_95=interval,
        interval_method=method,
        test=test,
    )


def _flips(
    answers: tuple[NDArray[np.intp], NDArray[np.intp]], labels: tuple[str, ...]
) -> tuple[tuple[str, str, int], ...]:
    """Count which answers became which, the most frequent first."""
    differ = answers[0] != answers[1]
    pairs, counts = np.unique(
        np.stack([answer[differ] for answer in answers]), axis=1, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:_MOST_FLIPS]
    return tuple(
        (labels[pairs[0, place]], labels[pairs[1, place]], int(counts[place])) for place in order
    )


def _shares(model: Model, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores of 0..1, of a broken network too."""
    with np.errstate(invalid="ignore", over="ignore"):
        return scores(logits, model.metadata.output)


def _worst(
    shares: tuple[NDArray[np.float32], NDArray[np.float32]],
    answers: tuple[NDArray[np.intp], NDArray[np.intp]],
    *,
    targets: NDArray[np.int64] | None,
    indices: NDArray[np.int64],
    dataset: Dataset,
    labels: tuple[str, ...],
) -> tuple[Changed, ...]:
    """Return the examples that changed most: other labels first, then by the change of a score."""
    change = np.abs(shares[1] - shares[0]).max(axis=1)
    # No number at all is as far off as can be.
    change = np.where(np.isfinite(change), change, 1.0)
    order = np.lexsort((-change, answers[0] == answers[1]))[:_MOST_WORST]
    return tuple(
        Changed(
            index=int(indices[row]),
            label=None if targets is None else labels[targets[row]],
            first=f"{labels[answers[0][row]]} {shares[0][row, answers[0][row]]:.2f}",
            second=f"{labels[answers[1][row]]} {shares[1][row, answers[1][row]]:.2f}",
            change=float(change[row]),
            group=None if dataset.groups is None else str(dataset.groups[indices[row]]),
        )
        for row in order
        if change[row] > 0
    )
