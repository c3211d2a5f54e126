"""XML files: which of the formats it is, told by the root element.

Parsed by Python's own ``expat`` with two safeguards: a file that declares entities is refused (one
of a few hundred bytes can swell to gigabytes), and nothing outside of the file is ever read.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from edgecnn.ecg.readers import aecg, muse
from edgecnn.ecg.readers.signals import one_line
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError

__all__ = ["looks_like_ecg", "parse", "read"]

_READERS = {"AnnotatedECG": aecg.read, "RestingECG": muse.read}
_SNIFFED_BYTES = 4096


class _EntityError(ValueError):
    """An entity is declared."""


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read an XML file (see :func:`edgecnn.ecg.readers.read_record`)."""
    root = parse(path)
    reader = _READERS.get(root.tag)
    if reader is None:
        raise RecordError(
            f"{path}: no reader for the XML of {root.tag[:60]!r}",
            hint="HL7 aECG (AnnotatedECG) and GE MUSE (RestingECG) can be read",
        )
    return reader(path, root, rate_hz=rate_hz, lead=lead)


def parse(path: Path) -> Element:
    """Parse a file into elements whose tags have no namespace.

    Raises
    ------
    RecordError
        No well-formed XML, or entities are declared in it.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(
        _local(tag), {_local(name): value for name, value in attributes.items()}
    )
    parser.EndElementHandler = lambda tag: builder.end(_local(tag))
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except _EntityError as error:
        raise RecordError(
            f"{path} declares XML entities, which may hide a bomb", hint="save it without a DTD"
        ) from error
    # A file may name an encoding that Python does not know, or that is none of text.
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise RecordError(
            f"{path} is no well-formed XML: {one_line(error)}", hint="is the file complete?"
        ) from error
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    return builder.close()


def looks_like_ecg(path: Path) -> bool:
    """Say whether a file begins like one that can be read (and is no other XML)."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        return False
    # Nobody keeps an empty one, so it was lost in a copy. UTF-16 has a zero beside each letter.
    return not head or any(root.encode() in head.replace(b"\0", b"") for root in _READERS)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _refuse(*declaration: object) -> None:
    raise _EntityError(str(declaration[0]))
