"""A dataset's classes by the map that a model's contract names."""

from __future__ import annotations

from edgecnn.data.dataset import Dataset
from edgecnn.metadata import BeatInput

__all__ = ["as_mapped"]


def as_mapped(dataset: Dataset, spec: object) -> Dataset:
    """Return a dataset of heartbeats with the classes of a contract's map; others as they are.

    Parameters
    ----------
    dataset : Dataset
    spec : InputSpec
        ``metadata.input`` of the model, or a recipe's input.
    """
    from edgecnn.data.mitdb import BeatRecords

    if isinstance(spec, BeatInput) and isinstance(dataset, BeatRecords):
        return dataset.with_class_map(spec.class_map)
    return dataset
