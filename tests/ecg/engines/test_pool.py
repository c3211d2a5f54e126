"""Real processes."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from edgecnn.ecg.engines.pool import open_pool
from edgecnn.ecg.engines.worker import ModelSource, source_of
from edgecnn.ecg.score import score_records
from edgecnn.errors import EdgeCNNError
from tests.ecg.score_recordings import differing


def test_two_processes_give_the_same_bytes_even_if_one_is_killed(
    model, rhythm, many, alone, contents, tmp_path
):
    killed = []

    def progress(now):
        if now.done == 3:
            killed.append(multiprocessing.active_children()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    summary = score_records(model, [many], tmp_path, rhythm=rhythm, workers=2, progress=progress)
    assert killed
    assert [p.path for p in summary.problems] == [
        str(many / f"{name}-bad.csv") for name in ("05", "20", "39")
    ]
    assert differing(contents(tmp_path), alone) == []
    assert multiprocessing.active_children() == []


def test_an_error_of_the_run_ends_the_processes(model, many, tmp_path):
    class Enough(Exception):
        pass

    def progress(now):
        raise Enough

    with pytest.raises(Enough):
        score_records(model, [many], tmp_path, workers=2, progress=progress)
    assert multiprocessing.active_children() == []


def test_another_version_in_a_worker_is_refused(model):
    from edgecnn.ecg.engines.worker import open_model

    source = source_of(model, "0")
    other = ModelSource(source.path, source.provider, "0", None, version="0.0.1")
    with pytest.raises(EdgeCNNError, match=r"the run was started by 0\.0\.1"):
        open_model(other)


def test_a_pool_that_cannot_open_the_model_does_not_hang(model, tmp_path):
    source = ModelSource(tmp_path / "gone.onnx", "cpu", "1", None)
    with open_pool(1, [source]) as pool, pytest.raises(pool.lost):
        pool.submit([], None).result(timeout=240)
