"""Files are whole or not there, whatever ends the writing."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edgecnn.errors import DataError, EdgeCNNError
from edgecnn.files import atomic_path, check_writable, sha256_of, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "out.json"
    write_text(path, "héllo\n")
    assert path.read_bytes() == "héllo\n".encode()
    assert names(path.parent) == ["out.json"]


def test_temporary_name_keeps_the_suffix_and_lies_beside(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        assert not (tmp_path / "picture.png").exists()
        temporary.write_bytes(b"x")
    assert (tmp_path / "picture.png").read_bytes() == b"x"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, DataError])
def test_exception_leaves_nothing_and_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == ["out.csv"]
    assert path.read_text() == "old"


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EdgeCNNError, match="cannot write"), atomic_path(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_errors_of_ours_pass_through(tmp_path: Path) -> None:
    """MissingFileError is an OSError as well, and is not about the output."""
    from edgecnn.errors import MissingFileError

    with pytest.raises(MissingFileError, match="no such record"), atomic_path(tmp_path / "out"):
        raise MissingFileError("no such record: 100")


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(EdgeCNNError, match=r"cannot write .*taken/out\.csv") as caught:
        write_text(tmp_path / "taken" / "out.csv", "x")
    assert caught.value.hint


def test_a_folder_that_takes_no_files_is_found_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "there" / "yet.onnx")
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeCNNError, match="takes no files"):
        check_writable(tmp_path / "file" / "x.onnx")
    # Not even root may write there.
    with pytest.raises(EdgeCNNError, match="takes no files"):
        check_writable(Path("/proc/sys/x.onnx"))


def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A limit on file sizes ends the write half-way, as a full disk does."""
    code = """
        import resource, signal, sys
        from pathlib import Path
        from edgecnn.errors import EdgeCNNError
        from edgecnn.files import write_bytes
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_bytes(Path(sys.argv[1]), bytes(100_000))
        except EdgeCNNError as error:
            print(error.message)
    """
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"cannot write {path}: File too large" in done.stdout
    assert names(tmp_path) == ["out.bin"]
    assert path.read_bytes() == b"old"


def test_kill_leaves_the_old_file(tmp_path: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from edgecnn.files import atomic_path
        with atomic_path(Path(sys.argv[1])) as temporary:
            temporary.write_bytes(b"half")
            print("half", flush=True)
            time.sleep(60)
    """
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = bytes(range(256)) * 1000
    write_bytes(path, content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_the_old_file_is_replaced_at_once_not_overwritten(tmp_path: Path) -> None:
    """Who has the old file open goes on reading the old content."""
    path, held = tmp_path / "out.bin", tmp_path / "held.bin"
    path.write_bytes(b"old")
    held.hardlink_to(path)
    write_bytes(path, b"new")
    assert (path.read_bytes(), held.read_bytes()) == (b"new", b"old")
