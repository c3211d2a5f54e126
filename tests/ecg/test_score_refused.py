"""What is refused before anything is written."""

from __future__ import annotations

import fcntl
import os

import pytest

from edgecnn.ecg.score import score_records
from edgecnn.errors import DataError, EdgeCNNError, MissingFileError, TaskError, UsageError
from edgecnn.runtime.session import load_model


@pytest.mark.parametrize(
    ("make", "error"),
    [("folder", DataError), ("nothing", MissingFileError), ("no paths", UsageError)],
)
def test_without_a_single_record_nothing_is_written(model, tmp_path, make, error):
    if make == "folder":
        (tmp_path / "in").mkdir()
    paths = [] if make == "no paths" else [tmp_path / "in"]
    with pytest.raises(error):
        score_records(model, paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_paths_without_a_record_are_one_error(model, tmp_path):
    with pytest.raises(DataError, match="no record in any of 2 paths"):
        score_records(model, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_picture_model_is_refused_before_anything_is_written(picture_model, recordings, tmp_path):
    with pytest.raises(TaskError) as caught:
        score_records(load_model(picture_model), [recordings], tmp_path / "out")
    assert "edgecnn predict" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_searched_folder_cannot_be_the_results(model, recordings):
    with pytest.raises(UsageError, match="both searched for records and to be written to"):
        score_records(model, [recordings], recordings / "one" / "..")


def test_results_cannot_go_into_a_file(model, recordings, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(EdgeCNNError, match="cannot write to"):
        score_records(model, [recordings], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_two_runs_do_not_write_to_one_folder(model, recordings, tmp_path):
    score_records(model, [recordings], tmp_path)
    (tmp_path / ".parts").mkdir()
    (tmp_path / ".parts" / "of the other run").touch()
    other = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EdgeCNNError, match="another run is writing to"):
            score_records(model, [recordings], tmp_path)
        assert (tmp_path / ".parts" / "of the other run").exists()
    finally:
        os.close(other)
