"""Imagined rhythms among the heartbeats that a network learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.data.imagined_rhythms import RecordedBeats, imagine_bursts, imagine_fibrillation
from edgecnn.data.mitdb import BeatRecords
from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.beats import beat_tensors
from edgecnn.training.examples import Examples
from edgecnn.training.recipe import ImaginedRhythms

__all__ = ["SharedExamples", "with_imagined"]

#: Rhythms of each record, and beats of each.
_BURSTS = (4, 500)
_FIBRILLATION = (5, 200)


@dataclass(frozen=True)
class SharedExamples(Examples):
    """Examples of several origins, drawn by the share of each and by class within it.

    Attributes
    ----------
    origins : tensor of int64, shape (N,)
    shares : tuple of float
        Of each origin in what is drawn.
    """

    origins: torch.Tensor
    shares: tuple[float, ...]

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return an epoch's order, with replacement; see :class:`TrainingExamples`."""
        weights = torch.zeros(len(self.targets), dtype=torch.float64)
        for origin, share in enumerate(self.shares):
            members = self.origins == origin
            if not members.any():
                continue
            classes = self.targets[members]
            own = torch.bincount(classes).clamp(min=1).double().pow(-balance)[classes]
            weights[members] = own * (share / own.sum())
        return torch.multinomial(weights, len(self.targets), replacement=True, generator=generator)


def with_imagined(
    kept: Examples,
    dataset: BeatRecords,
    spec: BeatInput,
    indices: NDArray[np.int64],
    *,
    choice: ImaginedRhythms,
    seed: int,
) -> Examples:
    """Add rhythms put together of the beats of these indices to the examples made of them.

    Parameters
    ----------
    kept : Examples
        Preprocessed beats of ``indices``, as they were recorded.
    dataset : BeatRecords
    spec : BeatInput
    indices : ndarray of int64
    choice : ImaginedRhythms
    seed : int
        Each rhythm follows from it, the record's place, and its own number.
    """
    bursts, fibrillation = list[RecordedBeats](), list[RecordedBeats]()
    for place, record in enumerate(dataset.recorded_beats(spec, indices).values()):
        for number in range(_BURSTS[0] if choice.bursts else 0):
            random = np.random.default_rng((seed, place, 0, number))
            made = imagine_bursts(record, _BURSTS[1], random)
            bursts += [made] if made is not None else []
        for number in range(_FIBRILLATION[0] if choice.fibrillation else 0):
            random = np.random.default_rng((seed, place, 1, number))
            made = imagine_fibrillation(record, _FIBRILLATION[1], spec, random)
            fibrillation += [made] if made is not None else []
    # A share that has no beats goes to those as they were recorded.
    shares = [choice.bursts * bool(bursts), choice.fibrillation * bool(fibrillation)]
    return _joined(kept, [_examples(bursts, spec), _examples(fibrillation, spec)], shares)


def _examples(rhythms: Sequence[RecordedBeats], spec: BeatInput) -> Examples | None:
    """Preprocess each rhythm as a record of its own; beats without a class are no examples."""
    if not rhythms:
        return None
    tensors = [beat_tensors(made.windows, made.peaks, spec) for made in rhythms]
    classes = np.concatenate([made.classes for made in rhythms])
    known = classes >= 0
    inputs = {name: np.concatenate([t[name] for t in tensors])[known] for name in spec.tensors}
    return Examples(
        {name: torch.from_numpy(values) for name, values in inputs.items()},
        torch.from_numpy(classes[known]),
    )


def _joined(
    kept: Examples, imagined: Sequence[Examples | None], shares: Sequence[float]
) -> SharedExamples:
    parts = [kept, *(part for part in imagined if part is not None)]
    numbers = [0, *(n for n, part in enumerate(imagined, 1) if part is not None)]
    inputs: Mapping[str, torch.Tensor] = {
        name: torch.cat([part.inputs[name] for part in parts]) for name in kept.inputs
    }
    origins = [torch.full((len(p),), n) for n, p in zip(numbers, parts, strict=True)]
    return SharedExamples(
        inputs=inputs,
        targets=torch.cat([part.targets for part in parts]),
        origins=torch.cat(origins),
        shares=(1 - sum(shares), *shares),
    )
