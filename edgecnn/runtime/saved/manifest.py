"""What a saved session ran: model, versions, machine, settings."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from edgecnn import __version__
from edgecnn.errors import DataError, MissingFileError
from edgecnn.files import sha256_of, write_text
from edgecnn.metadata import CONTRACT_KEY, encode
from edgecnn.runtime.machine import describe_machine
from edgecnn.runtime.session import Model

__all__ = ["MANIFEST", "Computer", "Manifest", "describe_computer", "describe_run", "read_manifest"]

#: Name of the file within a session's folder.
MANIFEST = "session.json"
_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "numpy", "opencv-python", "opencv-python-headless")


class Computer(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer can depend on besides model and frames.

    Attributes
    ----------
    cpu, architecture : str
    int8 : tuple of str
        The instructions for 8-bit products that it has.
    packages : dict
        Versions by name, of what computes.
    """

    cpu: str
    architecture: str
    int8: tuple[str, ...]
    packages: dict[str, str]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one session, as they lie in its folder.

    Attributes
    ----------
    schema : int
    edgecnn, python, system : str
        Versions, for people.
    computer : Computer
    model : str
        As it was named: a path or ``bundled:NAME``.
    model_sha256 : str
    contract : dict
        The model's contract as plain data.
    foreign : bool
        Whether it was given apart: the file brings none.
    provider, nodes_on_provider : str
    threads : int
        Of the session's operators.
    settings : dict
        What else was asked for on the command line and decides on the answers.
    source : str
        For people.
    live : bool
    fps : float or None
    sampling_rate_hz : float or None
        Of a signal.
    started : str
        Date and time, UTC.
    """

    edgecnn: str
    python: str
    system: str
    computer: Computer
    model: str
    model_sha256: str
    contract: dict[str, Any]
    foreign: bool
    provider: str
    nodes_on_provider: str
    threads: int
    settings: dict[str, Any]
    source: str = ""
    live: bool = False
    fps: float | None = None
    sampling_rate_hz: float | None = None
    started: str = ""
    schema: int = 1

    def write(self, folder: Path) -> None:
        """Write it into a session's folder."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2).decode()
        write_text(folder / MANIFEST, text + "\n")


def describe_computer() -> Computer:
    """Describe this machine and its packages."""
    machine = describe_machine()
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Computer(
        cpu=machine.cpu, architecture=machine.architecture, int8=machine.int8, packages=packages
    )


def describe_run(model: Model, name: str, settings: Mapping[str, Any]) -> Manifest:
    """Describe a model that is about to run; what is known of its source is added later.

    Parameters
    ----------
    model : Model
    name : str
        As the user named it.
    settings : mapping
        Plain data, see :class:`Manifest`.
    """
    return Manifest(
        edgecnn=__version__,
        python=platform.python_version(),
        system=describe_machine().system,
        computer=describe_computer(),
        model=name if name.startswith("bundled:") else str(Path(name).resolve()),
        model_sha256=sha256_of(model.path),
        contract=msgspec.json.decode(encode(model.metadata)),
        foreign=CONTRACT_KEY not in model.session.get_modelmeta().custom_metadata_map,
        provider=model.placement.provider,
        nodes_on_provider=model.placement.on_provider,
        threads=model.session.get_session_options().intra_op_num_threads,
        settings=dict(settings),
    )


def read_manifest(folder: Path) -> Manifest:
    """Read the facts of a saved session.

    Raises
    ------
    MissingFileError
        The folder holds no session.
    DataError
        Its file is broken, or newer than this edgecnn knows.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(
            f"{folder} holds no saved session",
            hint="`edgecnn live MODEL --save-session DIR` makes one",
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise DataError(f"{path} is no description of a session: {error}") from error
    if manifest.schema != 1:
        raise DataError(
            f"{path} has schema {manifest.schema}, this edgecnn reads 1", hint="update edgecnn"
        )
    return manifest
