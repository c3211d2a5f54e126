"""Downloads from a real HTTP server in this process: whole, with the right hash, or not at all."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.catalogue import RemoteFile
from edgecnn.data.download import fetch
from edgecnn.errors import DatasetError

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Home(http.server.BaseHTTPRequestHandler):
    """``/good`` answers ranges, ``/plain`` never, ``/cut`` hangs up half way, ``/wrong`` lies."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))  # type: ignore[attr-defined]
        if self.path == "/absent":
            self.send_error(404)
            return
        body = CONTENT[::-1] if self.path == "/wrong" else CONTENT
        start = 0
        wanted = self.headers.get("Range")
        if wanted and self.path == "/good":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = len(body) // 2 if self.path == "/cut" else len(body)
        self.wfile.write(body[start:end])

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


class _Server(http.server.ThreadingHTTPServer):
    asked: list[tuple[str, str | None]]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Home) as home:
        home.asked = []
        thread = threading.Thread(target=home.serve_forever)
        thread.start()
        yield home
        home.shutdown()
        thread.join()


def remote(server: _Server, *paths: str, sha256: str = SHA256) -> RemoteFile:
    return RemoteFile("file.gz", tuple(server.address + path for path in paths), sha256)


def test_a_whole_file_arrives_under_its_name(server: _Server, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = fetch(remote(server, "/good"), tmp_path / "new", progress=lambda *now: told.append(now))
    assert path == tmp_path / "new" / "file.gz"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["file.gz"]
    assert told[-1] == ("file.gz", len(CONTENT), len(CONTENT))


def test_a_file_that_is_there_is_not_fetched(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"already here")
    fetch(remote(server, "/good"), tmp_path)
    assert server.asked == []


@pytest.mark.parametrize("path", ["/good", "/plain"])
def test_an_earlier_attempt_is_continued_or_restarted(
    server: _Server, tmp_path: Path, path: str
) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:100_000])
    assert fetch(remote(server, path), tmp_path).read_bytes() == CONTENT
    assert server.asked == [(path, "bytes=100000-")]


def test_a_complete_part_is_taken_as_it_is(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert fetch(remote(server, "/good"), tmp_path).read_bytes() == CONTENT


def test_a_connection_that_ends_early_leaves_a_part_to_continue(
    server: _Server, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"ended after 150,000 of 300,000 bytes"):
        fetch(remote(server, "/cut"), tmp_path)
    assert not (tmp_path / "file.gz").exists()
    assert fetch(remote(server, "/good"), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == ("/good", "bytes=150000-")


def test_a_wrong_hash_is_refused_and_not_kept(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="SHA-256") as error:
        fetch(remote(server, "/wrong"), tmp_path)
    assert list(tmp_path.glob("file*")) == []
    assert "EDGECNN_DATA" in str(error.value.hint)


def test_a_part_of_another_file_is_found_out(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(b"x" * 1000)
    with pytest.raises(DatasetError, match="SHA-256"):
        fetch(remote(server, "/good"), tmp_path)
    assert fetch(remote(server, "/good"), tmp_path).read_bytes() == CONTENT


def test_the_next_address_is_tried(server: _Server, tmp_path: Path) -> None:
    file = remote(server, "/absent", "/wrong", "/good")
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_all_reasons_are_told(server: _Server, tmp_path: Path) -> None:
    file = RemoteFile("file.gz", (f"{server.address}/absent", "http://127.0.0.1:9/file"), SHA256)
    with pytest.raises(DatasetError, match=r"HTTP 404 Not Found.*refused") as error:
        fetch(file, tmp_path)
    assert "\n" not in error.value.message


def test_no_folder_to_write_to(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"cannot download file\.gz"):
        fetch(remote(server, "/good"), tmp_path / "file")
