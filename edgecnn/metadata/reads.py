"""What a model reads, in words, and which command runs it."""

from __future__ import annotations

from edgecnn.metadata.beat_input import BeatInput
from edgecnn.metadata.contract import InputSpec
from edgecnn.metadata.image_input import ImageInput
from edgecnn.metadata.signal_input import SignalInput
from edgecnn.metadata.text_input import CharacterInput, TextInput

__all__ = ["how_to_run", "reads"]

_WORDS: dict[type, tuple[str, str]] = {
    ImageInput: ("pictures", "`edgecnn predict` runs it on files, `edgecnn live` on a camera"),
    BeatInput: ("heartbeats", "`edgecnn score` runs it on ECG files, `edgecnn live` on a stream"),
    SignalInput: ("fragments of signals", "`edgecnn predict` runs it on ECG files"),
    TextInput: ("sentences", "`edgecnn predict` runs it on text files"),
    CharacterInput: ("characters", "`edgecnn generate` lets it write"),
}


def reads(spec: InputSpec) -> str:
    """Name what an input is made of, in the plural.

    Examples
    --------
    >>> from edgecnn.metadata import ImageInput
    >>> reads(ImageInput(height=8, width=8, colour="gray"))
    'pictures'
    """
    return _WORDS[type(spec)][0]


def how_to_run(spec: InputSpec) -> str:
    """Name the command that runs a model with such an input, for the hint of an error."""
    return _WORDS[type(spec)][1]
