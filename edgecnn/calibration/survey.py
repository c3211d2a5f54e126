"""Look at the examples of a calibration set, one by one, before anything is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.pictures import PictureDataset
from edgecnn.errors import ImageError
from edgecnn.evaluation.evaluate import input_batches
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import CharacterInput, ImageInput, InputSpec
from edgecnn.preprocessing.fit import fit_of

__all__ = ["Survey", "content_digests", "example_name", "survey"]

#: Grey levels: a picture that spans no more is of one colour, one that is no brighter is black.
_ONE_COLOUR, _BLACK = 4, 16

Progress = Callable[[int, int], None]


@dataclass
class Survey:
    """What was seen of a calibration set's examples.

    Attributes
    ----------
    chosen : ndarray of int64
        The examples that can be read: as many as were asked for, where there are so many.
    unreadable : list of (str, str)
        Names of files that were passed over, and why.
    digests : list of bytes
        Of each chosen example's content: pixels as decoded, or what the network reads.
    constant, grey, upscaled : list of int
        Pictures of one colour, without any colour, and smaller than what they are scaled to.
    brightness : list of float
        Mean grey level of each picture, 0..255.
    """

    chosen: NDArray[np.int64]
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    constant: list[int] = field(default_factory=list)
    grey: list[int] = field(default_factory=list)
    upscaled: list[int] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)


def survey(
    dataset: Dataset,
    spec: InputSpec,
    samples: int,
    *,
    seed: int = 0,
    strict: bool = False,
    progress: Progress | None = None,
) -> Survey:
    """Draw examples, evenly over the classes, and look at each.

    A picture that cannot be read is passed over, and another one is drawn for it.

    Parameters
    ----------
    dataset : Dataset
    spec : InputSpec
        ``metadata.input`` of the model.
    samples, seed : int
        See :func:`edgecnn.evaluation.sampling.draw`.
    strict : bool
        Do not pass over anything.
    progress : callable, optional
        Called with (examples done, examples in all).

    Raises
    ------
    ImageError
        ``strict``, and a picture cannot be read; or none of them can.
    """
    chosen = draw(len(dataset), samples, targets=dataset.targets, seed=seed)
    if not isinstance(dataset, PictureDataset) or not isinstance(spec, ImageInput):
        seen = Survey(chosen)
        if not isinstance(spec, CharacterInput):
            seen.digests = list(_row_digests(dataset, spec, chosen))
        return seen
    seen = Survey(np.empty(0, np.int64))
    found: dict[int, tuple[bytes, float]] = {}
    tried: set[int] = set()
    while len(chosen):
        for index in chosen:
            number = int(index)
            tried.add(number)
            try:
                picture = dataset.picture(number)
            except ImageError as error:
                if strict:
                    raise
                seen.unreadable.append((dataset.name_of(number), error.message))
                continue
            found[number] = _look(seen, picture, spec, number)
            if progress is not None:
                progress(len(found), min(samples, len(dataset)))
        lacking = min(samples, len(dataset)) - len(found)
        rest = np.setdiff1d(np.arange(len(dataset)), np.fromiter(tried, np.int64, len(tried)))
        targets = dataset.targets[rest] if dataset.targets is not None else None
        chosen = rest[draw(len(rest), max(lacking, 0), targets=targets, seed=seed)]
    if not found:
        raise ImageError(
            f"none of {len(seen.unreadable)} pictures can be read, first: {seen.unreadable[0][1]}"
        )
    seen.chosen = np.array(sorted(found), dtype=np.int64)
    seen.digests = [found[int(i)][0] for i in seen.chosen]
    seen.brightness = [found[int(i)][1] for i in seen.chosen]
    return seen


def content_digests(
    dataset: Dataset, spec: InputSpec, *, progress: Progress | None = None
) -> Iterator[tuple[int, bytes]]:
    """Hash every example by its content, as :func:`survey` does; what cannot be read has none."""
    if isinstance(dataset, PictureDataset) and isinstance(spec, ImageInput):
        for number in range(len(dataset)):
            try:
                yield number, _digest(dataset.picture(number))
            except ImageError:
                continue
            if progress is not None:
                progress(number + 1, len(dataset))
    elif not isinstance(spec, CharacterInput):
        yield from enumerate(_row_digests(dataset, spec, np.arange(len(dataset))))


def example_name(dataset: Dataset, index: int) -> str:
    """Name an example for a person: a path, a record with the beat's number, or a number."""
    if isinstance(dataset, PictureDataset):
        return dataset.name_of(index)
    if dataset.groups is not None:
        group = dataset.groups[index]
        return f"{group} beat {index - int(np.argmax(dataset.groups == group)) + 1}"
    return f"example {index}"


def _look(
    seen: Survey, picture: NDArray[np.uint8], spec: ImageInput, number: int
) -> tuple[bytes, float]:
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    means, deviations = (np.ravel(one) for one in cv2.meanStdDev(picture))
    # What cannot be of one colour, or without any, is not looked at pixel by pixel.
    if int(luma.max()) < _BLACK or (deviations.max() < _ONE_COLOUR and _is_one_colour(picture)):
        seen.constant.append(number)
    if spec.colour != "gray" and np.ptp(means) == 0 and _is_grey(picture):
        seen.grey.append(number)
    if spec.resize != "none":
        fit = fit_of(picture.shape[0], picture.shape[1], spec)
        if fit.source.height < fit.target.height or fit.source.width < fit.target.width:
            seen.upscaled.append(number)
    return _digest(picture), float(luma.mean())


def _is_one_colour(picture: NDArray[np.uint8]) -> bool:
    return all(int(np.ptp(picture[:, :, channel])) <= _ONE_COLOUR for channel in range(3))


def _is_grey(picture: NDArray[np.uint8]) -> bool:
    blue, green, red = (picture[:, :, channel] for channel in range(3))
    return np.array_equal(blue, green) and np.array_equal(green, red)


def _digest(picture: NDArray[np.uint8]) -> bytes:
    content = hashlib.blake2b(f"{picture.shape}".encode(), digest_size=16)
    content.update(picture.tobytes())
    return content.digest()


def _row_digests(
    dataset: Dataset, spec: InputSpec, indices: NDArray[np.integer]
) -> Iterator[bytes]:
    for inputs in input_batches(dataset, spec, indices=indices):
        rows = len(next(iter(inputs.values())))
        for row in range(rows):
            content = hashlib.blake2b(digest_size=16)
            for name in sorted(inputs):
                content.update(inputs[name][row].tobytes())
            yield content.digest()
