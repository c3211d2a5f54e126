"""Pictures of one's own: a folder with a sub-folder per class or without any, or a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import combined_sha256, require_image_spec
from edgecnn.data.classes import numbered_labels
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.manifest import Manifest
from edgecnn.errors import DatasetError
from edgecnn.files import sha256_of
from edgecnn.metadata import InputSpec
from edgecnn.preprocessing.image import image_batch
from edgecnn.preprocessing.picture import PICTURE_SUFFIXES, list_pictures, read_picture

__all__ = ["PictureFolder", "open_folder", "open_picture_list"]


class PictureFolder:
    """A dataset of picture files, read when they are needed."""

    groups: NDArray[np.str_] | None = None

    def __init__(
        self, info: DatasetInfo, paths: tuple[Path, ...], targets: NDArray[np.int64] | None
    ) -> None:
        self.info = info
        self.paths = paths
        self.targets = targets

    def __len__(self) -> int:
        return len(self.paths)

    def inputs(
        self, spec: InputSpec, indices: NDArray[np.integer] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Preprocess pictures; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        image = require_image_spec(spec, self.info)
        chosen = np.arange(len(self)) if indices is None else indices
        pictures = (self.picture(int(index)) for index in chosen)
        return {image.name: image_batch(pictures, image, count=len(chosen))}

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Read one picture; see :meth:`edgecnn.data.pictures.PictureDataset.picture`."""
        return read_picture(self.paths[index])

    def name_of(self, index: int) -> str:
        """Return a picture's path."""
        return str(self.paths[index])


def open_folder(folder: Path, *, labels: tuple[str, ...] | None = None) -> PictureFolder:
    """Open a folder of pictures.

    Parameters
    ----------
    folder : Path
        With sub-folders, each names a class and holds its pictures, however deep; without, the
        pictures have no labels.
    labels : tuple of str, optional
        A model's labels. Then the sub-folders must be among them, and targets index them; without,
        the sub-folders' names, sorted, are the labels.

    Raises
    ------
    MissingFileError
        No such folder.
    ImageError
        No pictures in it.
    DatasetError
        A sub-folder that is none of the labels.
    """
    paths = tuple(list_pictures(folder))
    classes = sorted({path.relative_to(folder).parts[0] for path in paths if path.parent != folder})
    targets = None
    if classes:
        names = labels or tuple(classes)
        strays = [name for name in classes if name not in names]
        if strays:
            raise DatasetError(
                f"{folder}: sub-folder {strays[0]!r} is no class of this model",
                hint=f"its classes are: {', '.join(names)}",
            )
        loose = [path for path in paths if path.parent == folder]
        if loose:
            raise DatasetError(
                f"{folder}: {loose[0].name} lies beside the class folders",
                hint="put every picture into its class's folder, or use no class folders at all",
            )
        order = {name: number for number, name in enumerate(names)}
        targets = np.array([order[path.relative_to(folder).parts[0]] for path in paths], np.int64)
    else:
        names = labels or ()
    info = DatasetInfo(
        name=folder.resolve().name,
        split="all",
        labels=tuple(names),
        sha256=combined_sha256(
            f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}" for path in paths
        ),
        attribution="the user's own pictures",
        licence="not stated",
    )
    return PictureFolder(info, paths, targets)


def open_picture_list(
    manifest: Manifest, *, labels: tuple[str, ...] | None = None
) -> PictureFolder:
    """Open the pictures that a list names.

    Parameters
    ----------
    manifest : Manifest
    labels : tuple of str, optional
        A model's labels, which targets shall index.

    Raises
    ------
    DatasetError
        A label that the model does not have, or a file that is no picture by its name.
    """
    for path in manifest.paths:
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            raise DatasetError(
                f"{manifest.source}: {path.name} is no picture by its name",
                hint=f"pictures are {', '.join(sorted(PICTURE_SUFFIXES))}",
            )
    names, targets = labels or (), None
    if manifest.labels is not None:
        names, targets = numbered_labels(manifest.labels, labels, source=str(manifest.source))
    written = manifest.labels or ("",) * len(manifest.paths)
    info = DatasetInfo(
        name=manifest.source.name,
        split="all",
        labels=tuple(names),
        sha256=combined_sha256(
            f"{label}\0{sha256_of(path)}"
            for label, path in zip(written, manifest.paths, strict=True)
        ),
        attribution="the user's own pictures",
        licence="not stated",
    )
    return PictureFolder(info, manifest.paths, targets)
