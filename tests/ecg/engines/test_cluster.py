"""A real scheduler and real workers, on this machine."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import socket
import sys
import warnings

import distributed
import numpy as np
import pytest

from edgecnn.ecg.engines import cluster as engine
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import EdgeCNNError, MissingPackageError
from tests.ecg.score_recordings import differing


@pytest.fixture(scope="module")
def two_workers():
    """A scheduler with two worker processes, as a person has on a cluster."""
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        # At any port that is free: another test may have the usual one.
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        silence_logs=logging.CRITICAL,
    )
    yield cluster
    cluster.close()


def test_a_worker_that_is_killed_changes_nothing(
    model, rhythm, many, alone, contents, tmp_path, two_workers
):
    killed = []

    def progress(now):
        if now.done == 3:
            killed.append(next(iter(two_workers.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    summary = score_records(
        model,
        [many],
        tmp_path,
        rhythm=rhythm,
        cluster=two_workers.scheduler_address,
        progress=progress,
    )
    assert killed
    assert len(summary.problems) == 3
    assert differing(contents(tmp_path), alone) == []


def test_without_a_scheduler_it_is_one_line(model, many, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_CONNECT_S", 1)
    with pytest.raises(EdgeCNNError, match="no Dask scheduler answers at tcp://127"):
        score_records(model, [many], tmp_path / "out", cluster="tcp://127.0.0.1:9")
    with pytest.raises(EdgeCNNError, match="no Dask scheduler answers at nonsense"):
        score_records(model, [many], tmp_path / "out", cluster="nonsense://a")
    assert not (tmp_path / "out").exists()


def test_without_dask_the_extra_is_named(model, many, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "edgecnn.ecg.engines.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingPackageError, match="distributed") as raised:
        score_records(model, [many], tmp_path / "out", cluster="local")
    assert "edgecnn[cluster]" in raised.value.hint


@pytest.mark.long
def test_thousands_of_small_files_with_workers_killed_in_between(model, tmp_path, two_workers):
    """No record is lost, and none is there twice."""
    folder = tmp_path / "in"
    folder.mkdir()
    signal_mv = synthetic_ecg(10, 360, seed=1).signal_mv
    np.savez(folder / "0000.npz", ecg=signal_mv, fs=360.0, leads=["MLII"])
    for number in range(1, 3000):
        (folder / f"{number:04}.npz").hardlink_to(folder / "0000.npz")
    score_records(model, [folder], tmp_path / "alone")
    killed = []

    def progress(now):
        if len(killed) < 3 and now.done >= 300 + 900 * len(killed):
            # Whichever has not been killed yet: the nanny of one that has may still be busy.
            pids = (worker.pid for worker in two_workers.workers.values())
            killed.append(next(pid for pid in pids if pid not in (None, *killed)))
            os.kill(killed[-1], signal.SIGKILL)

    address = two_workers.scheduler_address
    score_records(model, [folder], tmp_path / "there", cluster=address, progress=progress)
    assert len(killed) == 3
    for name in ("records.csv", "beats.csv", "errors.csv"):
        one, other = (tmp_path / out / name for out in ("alone", "there"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_that_dask_jobqueue_starts_as_jobs(model, rhythm, many, alone, contents, tmp_path):
    """The recipe for SLURM, with the queue that starts its jobs on this machine; one ends early."""
    jobqueue = pytest.importorskip("dask_jobqueue", reason="pip install dask-jobqueue")
    local = importlib.import_module(f"{jobqueue.__name__}.local")
    ended = []

    def progress(now):
        if now.done == 3:
            ended.append(next(iter(cluster.workers)))
            cluster.workers[ended[0]].process.proc.kill()

    with local.LocalCluster(
        cores=1, processes=1, memory="2GB", walltime="00:10:00", python=sys.executable
    ) as cluster:
        cluster.scale(jobs=2)
        cluster.wait_for_workers(2)
        address = cluster.scheduler_address
        score_records(model, [many], tmp_path, rhythm=rhythm, cluster=address, progress=progress)
    assert ended
    assert differing(contents(tmp_path), alone) == []


def test_a_cluster_of_ones_own_is_not_on_the_network(model, many, tmp_path, monkeypatch):
    listening = []
    made = distributed.LocalCluster

    def watched(**options):
        cluster = made(**options)
        server = cluster.scheduler.http_server
        listening.append((server.address, server.port))
        return cluster

    monkeypatch.setattr(distributed, "LocalCluster", watched)
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        # As where another cluster runs: its port is taken, or is taken here.
        other = stack.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            other.bind(("", 8787))
            other.listen()
        warnings.simplefilter("error")
        score_records(model, [many], tmp_path, workers=1, cluster="local")
    ((host, port),) = listening
    assert host == "127.0.0.1"
    assert port != 8787
