"""One input through a model file, and sheets of what happens inside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError, UsageError
from edgecnn.explain.activations import activations
from edgecnn.explain.kernel_sheet import kernel_sheet
from edgecnn.explain.layer_sheets import ROOM, all_maps, overview
from edgecnn.explain.picture_sheet import evidence_sheet
from edgecnn.explain.pictures import explain_picture, seen_part
from edgecnn.export.layers import Network
from edgecnn.files import write_bytes
from edgecnn.metadata import BeatInput, ImageInput
from edgecnn.preprocessing.image import image_tensor
from edgecnn.preprocessing.picture import read_picture
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model

__all__ = ["Explanation", "explain_model"]

_INPUT_HEIGHT = 220


@dataclass(frozen=True)
class Explanation:
    """What was drawn.

    Attributes
    ----------
    input : str
    label, score : str and float, or None
        The model's answer; for an ECG that of the first beat shown. None for a task without labels.
    method : str or None
        How the evidence was found: ``"class-activation"``, ``"occlusion"``, ``"erasing"`` or None.
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
) -> Explanation:
    """Draw what a model file makes of one input.

    Parameters
    ----------
    model : Model
        That reads pictures or heartbeats.
    source : path
        A picture, or an ECG record.
    out : path
        Folder for the sheets: ``evidence.png`` (a classifier's), ``layers.png``, ``kernels.png``
        and one for each layer in ``layers/``. Nothing is written unless all could be drawn.
    at_s, lead : optional
        For an ECG: explain the beat nearest to this time, in seconds from the start (the default
        is the surest beat of each class); read this lead instead of the model's own.

    Returns
    -------
    Explanation

    Raises
    ------
    TaskError
        A model that reads neither.
    UsageError
        A time or a lead for a picture.
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
    if isinstance(spec, ImageInput):
        if at_s is not None or lead is not None:
            raise UsageError(f"{model.path} reads pictures: they have no time and no leads")
        if spec.embedded:
            raise TaskError(
                f"{model.path} prepares its frames itself: what the network sees is inside",
                hint="explain the file without embedded preprocessing",
            )
        sheets, label, score, method = _picture(model, source)
    elif isinstance(spec, BeatInput):
        sheets, label, score, method = _record(model, source, at_s, lead)
    else:
        raise TaskError(
            f"{model.path} reads neither pictures nor heartbeats",
            hint="`edgecnn inspect` says what it reads",
        )
    folder = Path(out)
    for name, png in sheets.items():
        write_bytes(folder / name, png)
    return Explanation(
        input=str(source),
        label=label,
        score=score,
        method=method,
        layers=sum(name.startswith("layers/") for name in sheets),
        files=tuple(str(folder / name) for name in sheets),
    )


#: PNG by name; label, score and method.
_Drawn = tuple[dict[str, bytes], str | None, float | None, str | None]


def _picture(model: Model, source: Path) -> _Drawn:
    metadata = model.metadata
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    network = Network(model.path)
    picture = read_picture(source)
    inputs: Tensors = {spec.name: image_tensor(picture, spec)[None]}
    title = _title(model, source.name)
    said: str = metadata.task
    seen = seen_part(picture, spec)
    sheets: dict[str, bytes] = {}
    label = score = method = None
    if metadata.task == "classify":
        evidence = explain_picture(model, network, picture, inputs)
        label, score, method = evidence.answer.label, evidence.answer.score, evidence.method
        said = "   ".join(f"{name} {100 * s:.1f} %" for name, s in evidence.answer.top[:5])
        sheets["evidence.png"] = evidence_sheet(title, said, seen, evidence)
    width = min(ROOM, round(_INPUT_HEIGHT * seen.shape[1] / seen.shape[0]))
    grows = min(seen.shape[:2]) < _INPUT_HEIGHT
    small = cv2.resize(
        seen, (width, _INPUT_HEIGHT), interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA
    ).astype(np.uint8, copy=False)
    sheets |= _inside(model, network, inputs, title=title, said=said, seen=small)
    return sheets, label, score, method


def _record(model: Model, source: Path, at_s: float | None, lead: str | None) -> _Drawn:
    from edgecnn.ecg.readers import read_record
    from edgecnn.explain.beat_sheet import beat_sheet, trace_of
    from edgecnn.explain.beats import explain_beats

    spec = model.metadata.input
    assert isinstance(spec, BeatInput)
    record = read_record(source, lead=lead or spec.leads[0])
    beats = explain_beats(record, model, at_s=at_s, lead=lead)
    first = beats[0]
    title = _title(model, record.name)
    said = "the beat nearest to the time asked for" if at_s is not None else (
        "the surest beat of each class that is found"
    )  # fmt: skip
    sheets = {"evidence.png": beat_sheet(title, said, beats, spec)}
    seen = trace_of(first, spec, ROOM, _INPUT_HEIGHT)
    said = f"{first.label} {100 * first.score:.1f} %   the beat at {first.at_s:.2f} s"
    sheets |= _inside(model, Network(model.path), first.inputs, title=title, said=said, seen=seen)
    return sheets, first.label, first.score, "erasing"


def _inside(
    model: Model,
    network: Network,
    inputs: Tensors,
    *,
    title: str,
    said: str,
    seen: NDArray[np.uint8],
) -> dict[str, bytes]:
    """Draw kernels and layers."""
    metadata = model.metadata
    spec = metadata.input
    sheets = {}
    if (weights := network.first_kernels) is not None:
        colour = spec.colour if isinstance(spec, ImageInput) else None
        sheets["kernels.png"] = kernel_sheet(weights, title, colour=colour)
    layers = activations(network, inputs)
    labels = metadata.labels if metadata.task == "classify" else ()
    sheets["layers.png"] = overview(title, said, seen, layers, labels)
    digits = len(str(len(layers)))
    for layer in layers:
        name = f"layers/{layer.number:0{max(2, digits)}d}-{_slug(layer.title)}.png"
        sheets[name] = all_maps(layer, title, labels if layer is layers[-1] else ())
    return sheets


def _title(model: Model, source: str) -> str:
    metadata = model.metadata
    precision = " (INT8)" if metadata.provenance.quantization is not None else ""
    return f"{metadata.name}{precision}  ·  {source}"


def _slug(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.replace("×", "x").lower()).split()
    return "-".join(words)
