"""The contract itself."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from edgecnn.metadata.beat_input import BeatInput
from edgecnn.metadata.image_input import ImageInput
from edgecnn.metadata.output import Output
from edgecnn.metadata.provenance import Provenance
from edgecnn.metadata.signal_input import SignalInput
from edgecnn.metadata.text_input import CharacterInput, TextInput

__all__ = ["SCHEMA", "InputSpec", "ModelMetadata", "Task"]

#: Version of the three documents.
SCHEMA: Literal[1] = 1

InputSpec = ImageInput | BeatInput | SignalInput | TextInput | CharacterInput

Task = Literal["classify", "detect", "image-to-image", "generate"]

#: What each task can read.
_READS: dict[str, tuple[type, ...]] = {
    "classify": (ImageInput, BeatInput, SignalInput, TextInput),
    "detect": (ImageInput,),
    "image-to-image": (ImageInput,),
    "generate": (CharacterInput,),
}


class ModelMetadata(Struct, frozen=True, kw_only=True):
    """The contract: what a device must know to turn a raw input into an answer.

    Attributes
    ----------
    task : "classify", "detect", "image-to-image" or "generate"
    labels : tuple of str
        In the order of the network's outputs; none for a task that names nothing.
    """

    schema: Literal[1] = SCHEMA
    name: str
    task: Task
    labels: tuple[str, ...] = ()
    input: ImageInput | BeatInput | SignalInput | TextInput | CharacterInput
    output: Output = field(default_factory=Output)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        """Refuse labels that cannot be told apart, and parts that do not fit the task."""
        if len(set(self.labels)) != len(self.labels):
            twice = next(label for label in self.labels if self.labels.count(label) > 1)
            raise ValueError(f"two labels are the same: {twice!r}")
        if any(not label.strip() for label in self.labels):
            raise ValueError("a label is empty")
        if not isinstance(self.input, _READS[self.task]):
            raise ValueError(f"the task {self.task} cannot read this kind of input")
        if bool(self.labels) != (self.task in ("classify", "detect")):
            raise ValueError(f"the task {self.task} with {len(self.labels)} labels")
        if self.output.thresholds:
            self._check_thresholds()
        if (self.output.boxes is None) == (self.task == "detect"):
            raise ValueError("output.boxes belongs to the task detect, and to no other")
        if (self.output.pixels is None) == (self.task == "image-to-image"):
            raise ValueError("output.pixels belongs to the task image-to-image, and to no other")

    def _check_thresholds(self) -> None:
        """Refuse thresholds that do not fit the labels or the scores."""
        if self.task != "classify" or len(self.output.thresholds) != len(self.labels):
            raise ValueError(
                f"{len(self.output.thresholds)} output.thresholds for {len(self.labels)} labels: "
                "a classifier has one for each label"
            )
        if self.output.activation == "softmax":
            raise ValueError("output.thresholds goes with sigmoid or none: softmax picks one label")
