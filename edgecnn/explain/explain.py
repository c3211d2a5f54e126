"""One input through a model file, and sheets of what happens inside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError, UsageError
from edgecnn.explain.inside import inside, title_of
from edgecnn.explain.layer_sheets import ROOM
from edgecnn.explain.picture_sheet import evidence_sheet
from edgecnn.explain.pictures import explain_picture, seen_part
from edgecnn.export.layers import Network
from edgecnn.files import write_bytes
from edgecnn.metadata import BeatInput, CharacterInput, ImageInput, SignalInput, TextInput
from edgecnn.preprocessing.image import image_tensor
from edgecnn.preprocessing.picture import read_picture
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.box_drawing import draw_boxes
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import Classification
from edgecnn.runtime.tasks.detect import NOTHING, detect
from edgecnn.runtime.texts import read_text_file

__all__ = ["Explanation", "explain_model", "explain_sentence"]

_INPUT_HEIGHT = 220


@dataclass(frozen=True)
class Explanation:
    """What was drawn.

    Attributes
    ----------
    input : str
    label, score : str and float, or None
        The model's answer; of beats that of the first shown, of a detector the surest box's.
        None for a task without labels, and the score where a detector finds nothing.
    method : str or None
        How the evidence was found: ``"class-activation"``, ``"occlusion"``, ``"erasing"``,
        ``"surprise"`` or None.
    layers : int
    files : tuple of str
    """

    input: str
    label: str | None
    score: float | None
    method: str | None
    layers: int
    files: tuple[str, ...]


def explain_model(
    model: Model,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    at_s: float | None = None,
    lead: str | None = None,
    rate_hz: float | None = None,
) -> Explanation:
    """Draw what a model file makes of one input.

    Parameters
    ----------
    model : Model
        That reads pictures, heartbeats, fragments of a signal, sentences, or characters.
    source : path
        A picture, an ECG record, or a text file, of which a classifier of sentences takes the first
        line.
    out : path
        Folder for the sheets: ``evidence.png`` (a classifier's or generator's), ``layers.png``,
        ``kernels.png`` and one for each layer in ``layers/``. Nothing is written unless all could
        be drawn.
    at_s, lead : optional
        For an ECG: explain the beat nearest to this time, in seconds from the start, or the
        fragment around it (the default is the surest beat of each class, or the first fragment);
        read this lead instead of the model's own, if it reads one.
    rate_hz : float, optional
        Sampling rate of an ECG whose file states none.

    Returns
    -------
    Explanation

    Raises
    ------
    TaskError
        A model that reads none of them.
    UsageError
        A time, a lead or a rate for what is no ECG.
    DataError
        The input cannot be read.
    ModelError
        ONNX Runtime refuses the graph.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> model = load_model("bundled:cifar10-resnet")            # doctest: +SKIP
    >>> explain_model(model, "truck.png", "inside/").method           # doctest: +SKIP
    'class-activation'
    """
    spec = model.metadata.input
    source = Path(source)
    if not isinstance(spec, BeatInput | SignalInput) and (at_s, lead, rate_hz) != (None,) * 3:
        kind = "pictures" if isinstance(spec, ImageInput) else "no ECG"
        raise UsageError(f"{model.path} reads {kind}: there is no time and there are no leads")
    if isinstance(spec, ImageInput):
        if spec.embedded:
            raise TaskError(
                f"{model.path} prepares its frames itself: what the network sees is inside",
                hint="explain the file without embedded preprocessing",
            )
        drawn = _picture(model, source)
    elif isinstance(spec, BeatInput):
        drawn = _record(model, source, at_s=at_s, lead=lead, rate_hz=rate_hz)
    elif isinstance(spec, SignalInput):
        drawn = _fragment(model, spec, source, at_s=at_s, lead=lead, rate_hz=rate_hz)
    elif isinstance(spec, TextInput):
        drawn = _sentence(model, read_text_file(source).strip().partition("\n")[0], source.name)
    elif isinstance(spec, CharacterInput):
        drawn = _characters(model, read_text_file(source).strip(), source.name)
    else:
        raise _cannot(model)
    return _written(drawn, str(source), Path(out))


def explain_sentence(model: Model, text: str, out: str | os.PathLike[str]) -> Explanation:
    """Draw what a classifier of sentences makes of one, or a generator of text of its beginning.

    Parameters
    ----------
    model : Model
    text : str
    out : path
        Folder for the sheets: ``evidence.png``, ``layers.png`` and one for each layer in
        ``layers/``.

    Raises
    ------
    TaskError
        A model that reads no text.
    DataError
        There is no word in the text, or no known character.
    """
    if isinstance(model.metadata.input, CharacterInput):
        return _written(_characters(model, text, "a text"), text, Path(out))
    if not isinstance(model.metadata.input, TextInput):
        raise TaskError(
            f"{model.path} reads no sentences", hint="`edgecnn inspect` says what it reads"
        )
    return _written(_sentence(model, text, "a sentence"), text, Path(out))


#: PNG by name; label, score and method.
_Drawn = tuple[dict[str, bytes], str | None, float | None, str | None]


def _written(drawn: _Drawn, source: str, folder: Path) -> Explanation:
    sheets, label, score, method = drawn
    for name, png in sheets.items():
        write_bytes(folder / name, png)
    return Explanation(
        input=source,
        label=label,
        score=score,
        method=method,
        layers=sum(name.startswith("layers/") for name in sheets),
        files=tuple(str(folder / name) for name in sheets),
    )


def _cannot(model: Model) -> TaskError:
    return TaskError(
        f"{model.path} reads neither pictures nor an ECG nor text, or does not classify",
        hint="`edgecnn inspect` says what it reads",
    )


def _picture(model: Model, source: Path) -> _Drawn:
    metadata = model.metadata
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    network = Network(model.path)
    picture = read_picture(source)
    inputs: Tensors = {spec.name: image_tensor(picture, spec)[None]}
    title = title_of(model, source.name)
    said: str = metadata.task
    seen = seen_part(picture, spec)
    sheets: dict[str, bytes] = {}
    label = score = method = None
    if metadata.task == "classify":
        evidence = explain_picture(model, network, picture, inputs)
        label, score, method = evidence.answer.label, evidence.answer.score, evidence.method
        said = _best(evidence.answer)
        sheets["evidence.png"] = evidence_sheet(title, said, seen, evidence)
    elif metadata.task == "detect":
        seen, answer = _with_boxes(model, picture, inputs)
        said = "   ".join(f"{name} {100 * s:.1f} %" for name, s in answer) or "nothing is found"
        label, score = answer[0] if answer else (NOTHING, None)
    width = min(ROOM, round(_INPUT_HEIGHT * seen.shape[1] / seen.shape[0]))
    grows = min(seen.shape[:2]) < _INPUT_HEIGHT
    small = cv2.resize(
        seen, (width, _INPUT_HEIGHT), interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA
    ).astype(np.uint8, copy=False)
    sheets |= inside(model, network, inputs, title=title, said=said, seen=small)
    return sheets, label, score, method


def _with_boxes(
    model: Model, picture: NDArray[np.uint8], inputs: Tensors
) -> tuple[NDArray[np.uint8], tuple[tuple[str, float], ...]]:
    """Return the part of a picture that a detector sees with what it finds, and its best labels."""
    metadata = model.metadata
    assert isinstance(metadata.input, ImageInput)
    found = detect(model.run(inputs)[0], metadata, picture.shape[0], picture.shape[1])
    drawn = draw_boxes(picture, found, metadata.labels)
    return seen_part(drawn, metadata.input), found.best_by_label(metadata.labels, 5)


def _sentence(model: Model, text: str, name: str) -> _Drawn:
    from edgecnn.explain.word_sheet import sentence_picture, word_sheet
    from edgecnn.explain.words import explain_words

    if model.metadata.task != "classify":
        raise _cannot(model)
    evidence, inputs = explain_words(model, text)
    title = title_of(model, name)
    said = _best(evidence.answer)
    sheets = {"evidence.png": word_sheet(title, said, evidence)}
    seen = sentence_picture(evidence.words, ROOM)
    # Kernels over numbers of words are no pictures of anything.
    sheets |= inside(
        model, Network(model.path), inputs, title=title, said=said, seen=seen, kernels=False
    )
    return sheets, evidence.answer.label, evidence.answer.score, "erasing"


def _best(answer: Classification) -> str:
    return "   ".join(f"{name} {100 * score:.1f} %" for name, score in answer.top[:5])


def _record(
    model: Model, source: Path, *, at_s: float | None, lead: str | None, rate_hz: float | None
) -> _Drawn:
    from edgecnn.ecg.readers import read_record
    from edgecnn.explain.beat_sheet import beat_sheet, trace_of
    from edgecnn.explain.beats import explain_beats

    spec = model.metadata.input
    assert isinstance(spec, BeatInput)
    record = read_record(source, rate_hz=rate_hz, lead=lead or spec.leads[0])
    beats = explain_beats(record, model, at_s=at_s, lead=lead)
    first = beats[0]
    title = title_of(model, record.name)
    said = "the beat nearest to the time asked for" if at_s is not None else (
        "the surest beat of each class that is found"
    )  # fmt: skip
    sheets = {"evidence.png": beat_sheet(title, said, beats, spec)}
    seen = trace_of(first, spec, ROOM, _INPUT_HEIGHT)
    said = f"{first.label} {100 * first.score:.1f} %   the beat at {first.at_s:.2f} s"
    sheets |= inside(model, Network(model.path), first.inputs, title=title, said=said, seen=seen)
    return sheets, first.label, first.score, "erasing"


def _fragment(
    model: Model,
    spec: SignalInput,
    source: Path,
    *,
    at_s: float | None,
    lead: str | None,
    rate_hz: float | None,
) -> _Drawn:
    from edgecnn.ecg.readers import read_record
    from edgecnn.explain.fragment_sheet import fragment_sheet, strip_of
    from edgecnn.explain.fragments import explain_fragment

    if model.metadata.task != "classify":
        raise _cannot(model)
    if len(spec.leads) > 1 and lead is not None:
        raise UsageError(f"{model.path} reads {len(spec.leads)} leads at once: leave out --lead")
    only = spec.leads[0] if len(spec.leads) == 1 else None
    record = read_record(source, rate_hz=rate_hz, lead=lead or only)
    evidence = explain_fragment(record, model, at_s=at_s, lead=lead)
    title = title_of(model, record.name)
    end_s = evidence.start_s + spec.samples / spec.sampling_rate_hz
    where = f"{evidence.start_s:.2f} to {end_s:.2f} s"
    said = f"{_best(evidence.answer)}   {where}"
    sheets = {"evidence.png": fragment_sheet(title, where, evidence, spec.sampling_rate_hz)}
    seen = strip_of(evidence, ROOM, _INPUT_HEIGHT)
    network = Network(model.path)
    sheets |= inside(model, network, evidence.inputs, title=title, said=said, seen=seen)
    return sheets, evidence.answer.label, evidence.answer.score, "erasing"


def _characters(model: Model, text: str, name: str) -> _Drawn:
    from edgecnn.explain.character_sheet import character_sheet, text_picture
    from edgecnn.explain.characters import explain_characters

    evidence, inputs = explain_characters(model, text)
    title = title_of(model, name)
    sheets = {"evidence.png": character_sheet(title, evidence)}
    ((likeliest, share), *_) = evidence.expected[-1]
    said = f"{len(evidence.text)} characters; next, with {100 * share:.0f} %: {likeliest!r}"
    seen = text_picture(evidence.text, ROOM)
    # Kernels over numbers of characters are no pictures of anything.
    network = Network(model.path)
    sheets |= inside(model, network, inputs, title=title, said=said, seen=seen, kernels=False)
    return sheets, likeliest, share, "surprise"
