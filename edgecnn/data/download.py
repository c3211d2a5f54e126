"""Fetching published files: whole, with the right hash, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from edgecnn import __version__
from edgecnn.data.catalogue import RemoteFile
from edgecnn.errors import DatasetError

__all__ = ["Progress", "fetch"]

#: Called with the file's name, the bytes that are there and the bytes expected (0: unknown).
Progress = Callable[[str, int, int], None]

_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416


def fetch(remote: RemoteFile, folder: Path, *, progress: Progress | None = None) -> Path:
    """Download a file into a folder, unless it is there.

    The bytes go to ``NAME.part``, which a later call continues where the server allows it, and
    become ``NAME`` when their SHA-256 is the published one.

    Parameters
    ----------
    remote : RemoteFile
        Its addresses are tried in order.
    folder : Path
        Made if need be.
    progress : callable, optional
        Told the bytes fetched so far.

    Returns
    -------
    Path
        The whole file.

    Raises
    ------
    DatasetError
        No address gave the file, or what came has another hash (it is deleted).
    """
    target = folder / remote.name
    if target.is_file():
        return target
    reasons = []
    for url in remote.urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            _fetch_part(url, part, progress)
            _check(part, remote, url)
            part.replace(target)
        except urllib.error.HTTPError as error:
            reasons.append(f"{url}: HTTP {error.code} {error.reason}")
        except urllib.error.URLError as error:
            reasons.append(f"{url}: {error.reason}")
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {error}")
        except DatasetError as error:
            reasons.append(error.message)
        else:
            return target
    raise DatasetError(
        f"cannot download {remote.name}: {'; '.join(reasons)}",
        hint="without a network, put the files into a folder and name it with EDGECNN_DATA",
    )


def _fetch_part(url: str, part: Path, progress: Progress | None) -> None:
    """Bring ``part`` to the server's full length, continuing an earlier attempt if possible."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"edgecnn/{__version__}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if have and error.code == _RANGE_NOT_SATISFIABLE:
            return  # The part is complete already; its hash tells.
        raise
    with response:
        resumed = response.status == _PARTIAL_CONTENT
        done = have if resumed else 0
        announced = int(response.headers.get("Content-Length") or 0)
        total = done + announced if announced else 0
        with part.open("ab" if resumed else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(part.name.removesuffix(".part"), done, total)
            file.flush()
            os.fsync(file.fileno())
    if total and done < total:
        raise DatasetError(f"{url}: the connection ended after {done:,} of {total:,} bytes")


def _check(part: Path, remote: RemoteFile, url: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != remote.sha256:
        # What is wrong cannot be continued: the next attempt starts afresh.
        part.unlink()
        raise DatasetError(f"{url}: has SHA-256 {found[:12]}…, published is {remote.sha256[:12]}…")
