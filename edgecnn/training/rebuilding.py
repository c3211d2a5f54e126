"""Whether an exported file can be made again from what it says it was made of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgecnn.bundled import resolve_model
from edgecnn.export.locked_file import find_locked
from edgecnn.export.rebuild import (
    RebuildReport,
    compared,
    derive_again,
    export_again,
    lock_of,
    samples_again,
)
from edgecnn.training.exporting import export_checkpoint

__all__ = ["rebuild_model"]


def rebuild_model(
    path: str | os.PathLike[str],
    places: Sequence[str | os.PathLike[str]] = (".",),
    *,
    verify_with: Sequence[str | os.PathLike[str]] = (),
) -> RebuildReport:
    """Export a file again from its lock, and say what differs.

    Parameters
    ----------
    path : path
        A file of ``edgecnn export``, or ``bundled:NAME``. It is not changed.
    places : sequence of path
        Where checkpoint, weights, program or foreign file lie: files, or folders that are looked
        through. They are known by their content, whatever they are called.
    verify_with : sequence of str or path
        The data that the file was compared on, where it is not a dataset of that name.

    Returns
    -------
    RebuildReport
        What was measured is no part of the comparison.

    Raises
    ------
    MissingFileError
        No such file or place, or what the file was made of is not there.
    ModelError
        It does not say what it was made of, or cannot be exported any more.
    """
    path = resolve_model(path)
    locked = lock_of(path)
    lock = locked.lock
    found = find_locked(lock.files, [Path(place) for place in places])
    given, remarks = samples_again(locked, verify_with)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        again = Path(folder, "again.onnx")
        plain = Path(folder, "plain.onnx") if lock.settings else again
        if lock.source == "checkpoint":
            export_checkpoint(
                found[0].path,
                plain,
                opset=lock.opset,
                dynamic=lock.dynamic,
                data=given,
                name=lock.name,
                atol=lock.atol,
                rtol=lock.rtol,
            )
        else:
            export_again(locked, found, given, plain)
        if lock.settings:
            derive_again(locked, plain, again)
        return compared(path, again, found, remarks)
