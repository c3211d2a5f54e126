"""An exported file against its source, at several lengths of every free axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ModelError, ParityError
from edgecnn.export.axes import FreeAxes, axis_trials
from edgecnn.export.source import ROWS, Answers, Source
from edgecnn.export.verify import measure_parity
from edgecnn.metadata import Parity
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model

__all__ = ["compare"]

#: Any batch is tried at these, and at as many rows as are run at once.
_BATCHES = (1, 2)


def compare(
    file: Model,
    network: Source,
    reference: Answers,
    samples: Tensors,
    axes: FreeAxes,
    *,
    atol: float,
    rtol: float,
) -> tuple[Parity, dict[str, tuple[int, ...]]]:
    """Hold every output of a file to its source's.

    Parameters
    ----------
    file : Model
    network : Source
    reference : mapping of str to ndarray
        What the source gave for the samples.
    samples : mapping of str to ndarray
        At least three rows where the batch is free.
    axes : mapping
        The free axes besides the batch; each is tried at two further lengths.

    Returns
    -------
    parity : Parity
        Of the answers, on the samples as they are.
    lengths : dict of str to tuple of int
        What every free axis was tried at.

    Raises
    ------
    ParityError
        They disagree, or one of them fails at a length that the graph says it takes.
    """
    n = len(next(iter(samples.values())))
    batches = (*_BATCHES, min(n, ROWS)) if network.batch is None else (network.batch,)
    answers = file.metadata.output.name
    ranked = file.metadata.task in ("classify", "generate")

    def parity_of(
        name: str, values: NDArray[np.float32], inputs: Tensors, sizes: tuple[int, ...]
    ) -> Parity:
        return measure_parity(
            lambda batch: file.run_outputs(batch, (name,))[0],
            values,
            inputs,
            output=name,
            batches=sizes,
            atol=atol,
            rtol=rtol,
            origin=network.origin,
            ranked=ranked and name == answers,
        )

    if network.alone:
        parities = [parity_of(name, v, samples, batches) for name, v in reference.items()]
    else:
        parities = [
            parity_of(name, v, samples, (size,))
            for size in batches
            for name, v in network.answers(samples, tuple(reference), rows=size).items()
        ]
    parity = _worst(parities[list(reference).index(answers) :: len(reference)])
    lengths: dict[str, set[int]] = {} if network.batch else {"batch": set(batches)}
    lengths |= {at: set() for named in axes.values() for at in named.values()}
    for name, named in axes.items():
        for number, axis in named.items():
            lengths[axis].add(samples[name].shape[number])
    for trial in axis_trials(samples, axes, rows=network.batch or 2):
        ((axis, length),) = trial.lengths.items()
        rows = len(next(iter(trial.inputs.values())))
        wanted = _answers_at(network, trial.inputs, tuple(reference), axis, length)
        for name, values in wanted.items():
            try:
                parity_of(name, values, trial.inputs, (network.batch or rows,))
            except ParityError as error:
                raise ParityError(
                    f"with a {axis} of {length}: {error.message}",
                    hint=f"is the {axis} baked into a reshape or a constant?",
                    inputs=error.inputs,
                ) from error
        lengths[axis].add(length)
    return parity, {axis: tuple(sorted(tried)) for axis, tried in lengths.items()}


def _worst(parities: Sequence[Parity]) -> Parity:
    agreements = [p.top1_agreement for p in parities if p.top1_agreement is not None]
    return msgspec.structs.replace(
        parities[0],
        max_abs=max(p.max_abs for p in parities),
        max_rel=max(p.max_rel for p in parities),
        top1_agreement=min(agreements) if agreements else None,
    )


def _answers_at(
    network: Source, inputs: Tensors, outputs: tuple[str, ...], axis: str, length: int
) -> Mapping[str, NDArray[np.float32]]:
    try:
        return network.answers(inputs, outputs)
    except ModelError as error:
        raise ParityError(
            f"the {axis} is to be free, but at {length}: {error.message}",
            hint="leave it out of --dynamic: the network does not take any length of it",
        ) from error
