"""DICOM files without a suffix: on media and in archives names are numbers or identifiers."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_waveform"]

_PREAMBLE = 128
_MAGIC = b"DICM"
#: What all storage classes of waveforms begin with: PS3.6, annex A.
_WAVEFORMS = b"1.2.840.10008.5.1.4.1.1.9."
_HEADER_BYTES = 1024


def is_waveform(path: Path) -> bool:
    """Say whether a file is a DICOM waveform by its first bytes (and no picture).

    Its suffix must be none, or part of an identifier: digits.
    """
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return head[_PREAMBLE:].startswith(_MAGIC) and _WAVEFORMS in head
