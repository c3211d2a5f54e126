"""Digits of MNIST on photos, drawn as they are asked for: ``digit-scenes:train``, ...

The three splits share neither digits nor photos. A scene follows from split and number, so that
``digit-scenes:test`` is the same set of pictures everywhere, as long as the photos are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import PictureArray, combined_sha256, require_image_spec
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.objects import Objects
from edgecnn.data.photos import PhotoPile, find_photos
from edgecnn.data.scene import Scene, draw_scene
from edgecnn.files import sha256_of
from edgecnn.metadata import ImageInput, InputSpec
from edgecnn.preprocessing.fit import fit_of
from edgecnn.preprocessing.image import image_batch

__all__ = ["SCENE_SPLITS", "DigitScenes", "open_digit_scenes"]

#: How many scenes each split counts. Training can draw others without end.
SCENE_SPLITS = {"train": 10_000, "validation": 500, "test": 1_000}

#: Digits of MNIST's training set that validation keeps to itself: the last ones.
_VALIDATION_DIGITS = 5_000
#: Changes when the same number would draw another scene; part of the dataset's hash.
_DRAWING = 1


class DigitScenes:
    """Scenes by number.

    Parameters
    ----------
    info : DatasetInfo
    mnist : PictureArray
        The digits that this split may use.
    photos : PhotoPile
    count : int
    validation : callable, optional
        Opens the split to choose by.
    """

    targets: NDArray[np.int64] | None = None
    groups: NDArray[np.str_] | None = None
    endless = True

    def __init__(
        self,
        info: DatasetInfo,
        mnist: PictureArray,
        photos: PhotoPile,
        count: int,
        *,
        validation: Callable[[], DigitScenes] | None = None,
    ) -> None:
        assert mnist.targets is not None
        self.info = info
        self.photos = photos
        self._digits, self._labels = mnist.pictures, mnist.targets
        self._count = count
        self._validation = validation
        self._series = tuple(SCENE_SPLITS).index(info.split)

    def __len__(self) -> int:
        return self._count

    def scene(self, number: int) -> Scene:
        """Draw a scene; numbers beyond the length are scenes too, other ones."""
        random = np.random.default_rng([_DRAWING, self._series, number])
        return draw_scene(random, self._digits, self._labels, self.photos)

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Draw and preprocess scenes; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        image = require_image_spec(spec, self.info)
        chosen = np.arange(len(self)) if indices is None else indices
        return {image.name: self.examples(image, chosen)[0]}

    def examples(
        self, spec: ImageInput, numbers: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], list[Objects]]:
        """Draw scenes; see :class:`~edgecnn.data.objects.ObjectDataset`."""
        objects = []
        scenes = [self.scene(int(number)) for number in numbers]
        tensors = image_batch((scene.picture for scene in scenes), spec, count=len(scenes))
        for scene in scenes:
            fit = fit_of(scene.picture.shape[0], scene.picture.shape[1], spec)
            objects.append(Objects(fit.to_tensor(scene.objects.boxes), scene.objects.labels))
        return tensors, objects

    @property
    def validation(self) -> DigitScenes | None:
        """Scenes of other digits and photos to choose by, where this is the training split."""
        return self._validation() if self._validation is not None else None


def open_digit_scenes(mnist: Path, split: str, *, photos: Path | None = None) -> DigitScenes:
    """Open one split.

    Parameters
    ----------
    mnist : Path
        MNIST's folder.
    split : "train", "validation" or "test"
    photos : Path, optional
        See :func:`~edgecnn.data.photos.find_photos`. Without photos the grounds are drawn.

    Raises
    ------
    DatasetError
        MNIST is incomplete or broken.
    """
    from edgecnn.data.mnist import open_mnist

    digits = open_mnist(mnist, "test" if split == "test" else "train")
    assert digits.targets is not None
    kept = slice(None)
    if split == "validation":
        kept = slice(-_VALIDATION_DIGITS, None)
    elif split == "train":
        kept = slice(None, -_VALIDATION_DIGITS)
    paths = find_photos(split, root=photos)
    info = DatasetInfo(
        name="digit-scenes",
        split=split,
        labels=digits.info.labels,
        sha256=combined_sha256([f"{_DRAWING}", digits.info.sha256, *map(sha256_of, paths)]),
        attribution=f"{digits.info.attribution}; photos: {_sources(paths)}",
        licence="none stated (digits); photos: see their sources",
        note="" if paths else "no photos here: all grounds are drawn",
    )
    part = PictureArray(digits.info, digits.pictures[kept], digits.targets[kept])
    choose = partial(open_digit_scenes, mnist, "validation", photos=photos)
    return DigitScenes(
        info,
        part,
        PhotoPile(paths),
        SCENE_SPLITS[split],
        validation=choose if split == "train" else None,
    )


def _sources(paths: tuple[Path, ...]) -> str:
    known = {"imagenet-samples": "ImageNet samples", "images": "Flickr8k"}
    return ", ".join(sorted({known.get(p.parent.name, p.parent.name) for p in paths})) or "none"
