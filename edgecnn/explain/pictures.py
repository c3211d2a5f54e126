"""What a classifier's answers to a picture rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.evidence import class_activation, occlusion
from edgecnn.export.layers import Network
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.fit import fit_of
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import Classification, decode

__all__ = ["PictureEvidence", "explain_picture", "seen_part"]

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class PictureEvidence:
    """An answer, and where in the picture the evidence for the best classes lies.

    Attributes
    ----------
    answer : Classification
    shown : tuple of (str, float)
        The best classes with their scores.
    maps : ndarray of float64, shape (len(shown), h, w)
        Over the part of the picture that the network sees.
    method : "class-activation" or "occlusion"
    sentence : str
        What was done.
    """

    answer: Classification
    shown: tuple[tuple[str, float], ...]
    maps: NDArray[np.float64]
    method: Literal["class-activation", "occlusion"]
    sentence: str


def explain_picture(
    model: Model, network: Network, picture: NDArray[np.uint8], inputs: Tensors
) -> PictureEvidence:
    """Classify a picture and map the evidence for the three best classes.

    A network that ends in a global mean and one dense layer tells by itself where it looks; of
    others, the picture is covered patch by patch.

    Parameters
    ----------
    model : Model
        A classifier of pictures.
    network : Network
        Its graph.
    picture : ndarray of uint8, shape (H, W, 3)
        BGR.
    inputs : mapping of str to ndarray
        The picture, preprocessed.
    """
    metadata = model.metadata
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    answer = decode(model.run(inputs), metadata, top=len(metadata.labels))[0]
    shown = answer.top[:_SHOWN]
    classes = [metadata.labels.index(label) for label, _ in shown]
    head = network.class_weights(metadata.output.name)
    features = None if head is None else network.run([head.features], inputs)[head.features][0]
    if head is not None and features is not None and len(features) == head.weights.shape[1]:
        maps = class_activation(features, head.weights, classes)
        size = "×".join(map(str, features.shape[1:]))
        sentence = (
            f"Class-activation map: the last {len(features)} feature maps ({size}), weighted as "
            "the dense layer behind their mean weights them (Zhou et al. 2016)."
        )
        return PictureEvidence(
            answer, shown, _within(maps, picture, spec), "class-activation", sentence
        )
    maps, patch = occlusion(
        model.run, inputs, spec.name, metadata.output, classes, layout=spec.layout
    )
    sentence = (
        f"Occlusion: what a class's logit loses when a patch of {patch}×{patch} pixels is covered "
        "with the mean colour (Zeiler, Fergus 2014)."
    )
    return PictureEvidence(answer, shown, _within(maps, picture, spec), "occlusion", sentence)


def seen_part(picture: NDArray[np.uint8], spec: ImageInput) -> NDArray[np.uint8]:
    """Return the part of a picture that the network sees, in its colours but not yet its size.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR.
    """
    source = fit_of(picture.shape[0], picture.shape[1], spec).source
    part = picture[source.top : source.top + source.height]
    part = part[:, source.left : source.left + source.width]
    if spec.colour == "gray":
        grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
        part = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return part


def _within(
    maps: NDArray[np.float64], picture: NDArray[np.uint8], spec: ImageInput
) -> NDArray[np.float64]:
    """Cut maps over the whole tensor to the part that the picture fills; the rest is padding."""
    if spec.resize != "letterbox":
        return maps
    target = fit_of(picture.shape[0], picture.shape[1], spec).target
    tall, wide = maps.shape[1] / spec.height, maps.shape[2] / spec.width
    top, left = int(target.top * tall), int(target.left * wide)
    bottom = max(top + 1, round((target.top + target.height) * tall))
    right = max(left + 1, round((target.left + target.width) * wide))
    return maps[:, top:bottom, left:right]
