import pytest

from edgecnn.errors import DataError, MissingFileError
from edgecnn.runtime.saved.frame_log import FrameLogWriter, read_frame_log

RECORDS = [({"n": 0}, b""), ({"n": 1, "text": "ä"}, b"\0\1" * 50), ({"n": 2}, b"end")]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "frames.log"
    writer = FrameLogWriter(path)
    for record, data in RECORDS:
        writer.write(record, data)
    writer.close()
    return path


def test_records_come_back(log):
    assert list(read_frame_log(log)) == RECORDS


def test_cut_anywhere_it_is_whole_up_to_the_last_record(log):
    content = log.read_bytes()
    counts = []
    for size in range(8, len(content)):
        log.write_bytes(content[:size])
        found = list(read_frame_log(log))
        assert found == RECORDS[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 2)


def test_a_changed_byte_is_found(log):
    content = bytearray(log.read_bytes())
    content[60] ^= 1
    log.write_bytes(content)
    with pytest.raises(DataError, match="damaged at record 1"):
        list(read_frame_log(log))


def test_other_files(tmp_path):
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(DataError, match="not a log"):
        list(read_frame_log(tmp_path / "x"))
    with pytest.raises(MissingFileError):
        list(read_frame_log(tmp_path / "none"))


def test_an_older_log_is_not_written_over(log):
    with pytest.raises(FileExistsError):
        FrameLogWriter(log)
