"""Class-activation maps from the .onnx file alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.class_head import ClassHead, find_head
from edgecnn.runtime.graph_file import read_graph
from edgecnn.runtime.session import Model
from edgecnn.runtime.tapped import Tapped

__all__ = ["ClassMaps", "head_of"]

#: Share of the largest mean by which quantizing may move one.
_NEAR = 0.05


def head_of(model: Model) -> ClassHead | None:
    """Return the tensors that a model's maps can be made of; None where it has none."""
    metadata = model.metadata
    if metadata.task != "classify" or not isinstance(metadata.input, ImageInput):
        return None
    if metadata.input.embedded:
        return None
    graph = read_graph(model.path)
    return None if graph.external else find_head(graph, metadata.output.name)


class ClassMaps:
    """Computes where in a picture the evidence for a class lies (Zhou et al. 2016).

    The last feature maps, weighted as the dense layer behind their mean weights them, against the
    mean of all classes (arXiv:1512.04150). One run of the network per map.

    Parameters
    ----------
    model : Model
    head : ClassHead
        From :func:`head_of`.

    Raises
    ------
    TaskError
        The mean before the dense layer is not that of whole maps.
    """

    def __init__(self, model: Model, head: ClassHead) -> None:
        weights = (head.weights,) if head.weights else ()
        self._features = head.features
        self._tapped = Tapped(model, (head.features, head.pooled, *weights))
        spec = model.metadata.input
        assert isinstance(spec, ImageInput)
        shape = (
            (spec.channels, spec.height, spec.width)
            if spec.layout == "NCHW"
            else (spec.height, spec.width, spec.channels)
        )
        noise = np.random.default_rng(0).normal(0, 1, (1, *shape)).astype(np.float32)
        features, pooled, *rest = self._tapped.run({spec.name: noise})
        means = features.mean(axis=tuple(range(2, features.ndim))).reshape(-1)
        labels = len(model.metadata.labels)
        table = np.eye(labels, dtype=np.float32)
        if rest:
            table = rest[0] if head.transposed else rest[0].T
        near = _NEAR * float(np.abs(pooled).max())
        if (
            features.ndim != 4
            or means.size != pooled.size
            or float(np.abs(means - pooled.reshape(-1)).max()) > near
            or table.shape != (labels, means.size)
        ):
            raise TaskError(
                f"{model.path} does not end in the mean of whole maps and one dense layer",
                hint="`edgecnn explain` covers a picture patch by patch instead",
            )
        self._weights = table - table.mean(axis=0)

    def map(self, inputs: Tensors, label: int) -> NDArray[np.float32]:
        """Return a class's map, in logits, shape ``(h, w)``, over the whole input tensor.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            Preprocessed, a batch of one.
        label : int
            Index of the class.
        """
        (features,) = self._tapped.run(inputs, (self._features,))
        found: NDArray[np.float32] = np.tensordot(self._weights[label], features[0], axes=1)
        return found.astype(np.float32)
