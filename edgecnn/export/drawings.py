"""Raw inputs that come from a seed: drawn pictures, synthetic ECG.

Golden vectors are made of them. They carry no one's data and no licence, and they are larger than
the network's input, so that resizing is put to the test along with the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import (
    BeatInput,
    CharacterInput,
    GoldenExample,
    ImageInput,
    ModelMetadata,
    SignalInput,
    TextInput,
)
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.preprocessing.image import as_bgr, resize_area
from edgecnn.preprocessing.picture import decode_picture
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.golden import golden_inputs

__all__ = ["draw_examples", "drawn_frames", "drawn_inputs"]

_ECG_SECONDS = 8.0
#: Height and width where the network takes any: the answer, as large, must fit into the file.
_ANY_SIZE = (24, 32)

Draw = Callable[[NDArray[np.uint8], np.random.Generator], None]


def draw_examples(metadata: ModelMetadata, count: int, *, seed: int = 0) -> list[GoldenExample]:
    """Draw raw inputs of the kind that a model reads; their ``logits`` are still empty.

    Parameters
    ----------
    metadata : ModelMetadata
        Its input tells kind and size. Labels that are the ten digits get digits, others abstract
        shapes on textured grounds.
    count : int
    seed : int
        The same examples for the same seed.

    Returns
    -------
    list of GoldenExample
        PNG pictures, eight seconds each of one ECG lead in microvolts with its R peaks, fragments
        of several leads, sentences, or characters.

    Examples
    --------
    >>> contract = ModelMetadata(name="shapes", task="classify", labels=("a", "b"),
    ...                          input=ImageInput(height=24, width=32, colour="gray"))
    >>> [example.media for example in draw_examples(contract, 2)]
    ['image/png', 'image/png']
    """
    spec = metadata.input
    if isinstance(spec, BeatInput):
        return [_beats(spec, np.random.default_rng((seed, i)), i) for i in range(count)]
    if isinstance(spec, SignalInput):
        return [_fragment(spec, np.random.default_rng((seed, i)), i) for i in range(count)]
    if isinstance(spec, TextInput | CharacterInput):
        return [_text(spec, np.random.default_rng((seed, i))) for i in range(count)]
    digits = metadata.labels if set(metadata.labels) == set("0123456789") else ()
    return [
        _picture(
            spec, np.random.default_rng((seed, i)), digits[i % len(digits)] if digits else None
        )
        for i in range(count)
    ]


def drawn_inputs(metadata: ModelMetadata, count: int, *, seed: int = 0) -> Tensors:
    """Draw raw inputs and preprocess them by the contract: at least ``count`` rows."""
    examples = [golden_inputs(e, metadata.input) for e in draw_examples(metadata, count, seed=seed)]
    if isinstance(metadata.input, CharacterInput):
        # Texts are of different lengths, and rows of a batch are not.
        name = metadata.input.name
        shortest = min(e[name].shape[1] for e in examples)
        examples = [{**e, name: e[name][:, :shortest]} for e in examples]
    return {name: np.concatenate([e[name] for e in examples]) for name in metadata.input.tensors}


#: Heights and widths of frames: cameras', upright, tiny, and of the network's own size (None).
_FRAME_SIZES = ((480, 640), None, (720, 1280), (640, 360), (53, 37), (241, 319), (96, 400))


def drawn_frames(
    metadata: ModelMetadata, count: int, *, seed: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Draw pictures as cameras give them: BGR, shape ``(H, W, 3)``, of one size after another."""
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    for number, example in enumerate(draw_examples(metadata, count, seed=seed)):
        drawn = as_bgr(decode_picture(example.data))
        size = _FRAME_SIZES[number % len(_FRAME_SIZES)] or (spec.height, spec.width)
        yield np.ascontiguousarray(resize_area(drawn, *size))


def _picture(spec: ImageInput, rng: np.random.Generator, digit: str | None) -> GoldenExample:
    height, width = (
        _ANY_SIZE
        if spec.resize == "none"
        else (int(np.ceil(side * rng.uniform(1.2, 1.7))) for side in (spec.height, spec.width))
    )
    if digit is not None:
        from edgecnn.runtime.sources.digits import draw_digit, handwriting

        # Twice as large at least, so that strokes are thicker than a pixel of the input.
        canvas = np.zeros((2 * height, 2 * height, 3), dtype=np.uint8)
        draw_digit(canvas, digit, handwriting(int(rng.integers(2**31)), 0), (255, 255, 255))
    else:
        canvas = _ground(height, width, rng)
        for _ in range(rng.integers(1, 5)):
            shape = _SHAPES[int(rng.integers(len(_SHAPES)))]
            shape(canvas, rng)
    if spec.colour == "gray":
        canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY).astype(np.uint8)
    _, png = cv2.imencode(".png", canvas, [cv2.IMWRITE_PNG_COMPRESSION, 7])
    return GoldenExample(media="image/png", data=png.tobytes(), logits=())


def _ground(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Plain, gradient or striped."""
    first, second = np.array([_colour(rng), _colour(rng)])
    kind = rng.integers(3)
    if kind == 0:
        ramp = np.zeros((height, width))
    elif kind == 1:
        ramp = np.broadcast_to(np.linspace(0, 1, height)[:, None], (height, width))
    else:
        period = max(4, int(width * rng.uniform(0.1, 0.4)))
        ramp = np.broadcast_to(np.arange(width) % period < period // 2, (height, width))
    mixed = first + ramp[:, :, None] * (second - first)
    return np.ascontiguousarray(mixed.round().astype(np.uint8))


def _blob(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    axes = (rng.uniform(0.08, 0.4, 2) * canvas.shape[:2]).astype(int) + 1
    angle = float(rng.uniform(0, 180))
    cv2.ellipse(canvas, _point(canvas, rng), tuple(map(int, axes)), angle, 0, 360, _colour(rng), -1)


def _polygon(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    corners = np.array([_point(canvas, rng) for _ in range(rng.integers(3, 6))], dtype=np.int32)
    cv2.fillPoly(canvas, [corners], _colour(rng))


def _polyline(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    points = np.array([_point(canvas, rng) for _ in range(rng.integers(2, 6))], dtype=np.int32)
    thickness = max(1, int(min(canvas.shape[:2]) * rng.uniform(0.03, 0.12)))
    cv2.polylines(canvas, [points], bool(rng.integers(2)), _colour(rng), thickness)


_SHAPES: tuple[Draw, ...] = (_blob, _polygon, _polyline)


def _point(canvas: NDArray[np.uint8], rng: np.random.Generator) -> tuple[int, int]:
    height, width = canvas.shape[:2]
    return int(rng.integers(width)), int(rng.integers(height))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    # Half of them grey, black and white among them: drawings are to differ in brightness too.
    levels = rng.choice((0, 32, 96, 160, 224, 255), size=3)
    blue, green, red = (int(v) for v in (levels if rng.integers(2) else levels[[0, 0, 0]]))
    return blue, green, red


def _beats(spec: BeatInput, rng: np.random.Generator, number: int) -> GoldenExample:
    signal, samples = _ecg(spec.sampling_rate_hz, _ECG_SECONDS, rng, number)
    return GoldenExample(
        media="signal/int16-uV",
        data=signal.tobytes(),
        sampling_rate_hz=spec.sampling_rate_hz,
        beats=samples,
        logits=(),
    )


def _fragment(spec: SignalInput, rng: np.random.Generator, number: int) -> GoldenExample:
    seconds = spec.samples / spec.sampling_rate_hz
    signal, _ = _ecg(spec.sampling_rate_hz, seconds + 1, rng, number)
    # Each lead sees the same heart from elsewhere: larger, smaller or upside down.
    views = rng.uniform(0.3, 1.5, len(spec.leads)) * rng.choice((1, 1, 1, -1), len(spec.leads))
    leads = np.rint(views[:, None] * signal[: spec.samples]).clip(-(2**15), 2**15 - 1)
    return GoldenExample(
        media="signal/int16-uV",
        data=leads.astype("<i2").tobytes(),
        sampling_rate_hz=spec.sampling_rate_hz,
        logits=(),
    )


def _ecg(
    rate_hz: float, seconds: float, rng: np.random.Generator, number: int
) -> tuple[NDArray[np.int16], tuple[int, ...]]:
    """Return one lead in microvolts, and its R peaks."""
    from edgecnn.ecg.synthetic import synthetic_ecg

    ecg = synthetic_ecg(
        seconds,
        rate_hz,
        seed=int(rng.integers(2**31)),
        heart_rate_bpm=float(rng.uniform(55, 110)),
        # Every other one of normal beats only.
        pvc_every=(number % 2) * 5,
    )
    signal = np.clip(to_microvolts(ecg.signal_mv), -(2**15), 2**15 - 1).astype("<i2")
    return signal, tuple(int(sample) for sample in ecg.samples)


def _text(spec: TextInput | CharacterInput, rng: np.random.Generator) -> GoldenExample:
    """Words or characters of the vocabulary at random: what they say does not matter."""
    if isinstance(spec, TextInput):
        known = spec.vocabulary[2:] or ("unknown",)
        # Some sentences are shorter than what the network reads, some longer.
        count = int(rng.integers(3, spec.length + spec.length // 4 + 4))
        text = " ".join(known[int(i)] for i in rng.integers(len(known), size=count))
    else:
        count = int(rng.integers(6, 13))
        text = "".join(
            spec.vocabulary[int(i)] for i in rng.integers(len(spec.vocabulary), size=count)
        )
    return GoldenExample(media="text/utf-8", data=text.encode(), logits=())
