"""Tables are whole or not there, whenever a run is stopped, killed or goes wrong."""

from __future__ import annotations

import json
import shutil
import signal as signals
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg import results_folder
from edgecnn.ecg.record_files import RecordFile
from edgecnn.ecg.results_folder import ResultsFolder, open_results
from edgecnn.ecg.score import score_records
from edgecnn.ecg.score_file import Job, Scored, ScoreOptions, score_record_file
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import EdgeCNNError
from edgecnn.files import sha256_of
from edgecnn.runtime.session import load_model
from tests.ecg.score_recordings import RATE, RESULTS, TABLES, rows, visible

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from edgecnn.ecg import results_folder, score
    from edgecnn.runtime.session import load_model

    model, paths, out, when = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    tables = "csv"

    def end(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    if when == "after the first record":
        progress = end
    elif when == "in a Parquet table":
        from edgecnn.ecg.parquet_tables import ParquetTables

        progress, tables = None, "parquet"
        whole = ParquetTables._write_beats
        # Rows are in the file, what ends it is not.
        ParquetTables._write_beats = lambda self: (whole(self), end())
    else:
        progress = None
        # The tables are written, the report is not.
        real = score.write_report
        score.write_report = lambda path, *_, **__: (path.write_text("<!doctype"), end())
    score.score_records(load_model(model), [paths], out, progress=progress, tables=tables)
"""


@pytest.mark.parametrize("when", ["after the first record", "in the report", "in a Parquet table"])
@pytest.mark.parametrize("again", [False, True], ids=["first run", "second run"])
def test_killed_it_leaves_no_half_table(beat_model, model, recordings, tmp_path, when, again):
    out = tmp_path / "out"
    before = {}
    if again:
        score_records(model, [recordings / "one"], out)
        before = visible(out)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), beat_model, recordings, out, when],
        timeout=240,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signals.SIGKILL, done.stderr
    assert visible(out) == before
    # The next run is as if nothing had been.
    summary = score_records(model, [recordings], out)
    assert len(summary.records) == 3
    assert {p.name for p in out.iterdir()} == RESULTS
    assert len(rows(out / "records.csv")) == 3


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """So many records that a run can be stopped among them."""
    folder = tmp_path_factory.mktemp("many")
    np.savez(folder / "000.npz", ecg=synthetic_ecg(120, RATE, seed=1).signal_mv, fs=RATE)
    for number in range(1, 50):
        (folder / f"{number:03}.npz").hardlink_to(folder / "000.npz")
    return folder


#: How often a command that was over before it was stopped is run anew.
TRIES = 20


def finished(out):
    """Count the parts that a run has done, without the one that it is just writing."""
    return ResultsFolder(out).finished()


@pytest.mark.parametrize("stop", [signals.SIGINT, signals.SIGKILL])
@pytest.mark.parametrize("again", [False, True], ids=["first run", "second run"])
def test_stopped_in_the_middle_it_leaves_what_was_there(
    beat_model, model, many, tmp_path, stop, again
):
    """The command itself, stopped by a person or by the system; the next run is a whole one."""
    for turn in range(TRIES):
        out = tmp_path / f"out{turn}"
        if again:
            score_records(model, [many / "000.npz"], out)
        before = visible(out)
        assert len(before) == (9 if again else 0)
        command = [sys.executable, "-m", "edgecnn", "score", beat_model, many, "-o", out]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            while running.poll() is None and finished(out) < 5:
                time.sleep(0.005)
            running.send_signal(stop)
            stdout, stderr = running.communicate(timeout=240)
        # Where this process is held up, the command may be over first.
        if running.returncode != 0:
            break
    assert running.returncode == (130 if stop == signals.SIGINT else -stop)
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert visible(out) == before
    if stop == signals.SIGINT:
        assert b"of 50 records are done; the same command goes on." in stderr
    # What was done is not done again, and not told twice.
    summary = score_records(load_model(beat_model, threads=1), [many], out)
    assert 5 <= summary.resumed < 50
    assert [record.record for record in summary.records] == [f"{n:03}" for n in range(50)]
    assert {p.name for p in out.iterdir()} == RESULTS
    table = rows(out / "beats.csv")
    assert len(table) == 50 * summary.records[0].beats
    assert len(visible(out)) == 4 + 5 * 50


def children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("tables", "times"), [("csv", 2), pytest.param("parquet", 8, marks=pytest.mark.long)]
)
def test_killed_again_and_again_nothing_is_lost_and_nothing_is_there_twice(
    beat_model, model, many, tmp_path, tables, times
):
    """The command with two workers, killed at whatever moment it happens to be in."""
    out = tmp_path / "out"
    names = [f"{name}.{tables}" for name in ("records", "beats", "errors")]
    command = [sys.executable, "-m", "edgecnn", "score", beat_model, many, "-o", out]
    command += ["--workers", "2", "--tables", tables, "--json"]
    random = np.random.default_rng(len(tables))
    kills = tries = 0
    while True:
        done = finished(out)
        enough = done + int(random.integers(1, 40 // times)) if kills < times else 1000
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            while running.poll() is None and finished(out) < enough:
                time.sleep(float(random.uniform(0, 0.01)))
            workers = children_of(running.pid) if running.poll() is None else []
            running.kill()
            stdout, stderr = running.communicate(timeout=240)
        if running.returncode == 0 and kills == 0 and tries < TRIES:
            # Where this process is held up, the command may be over first.
            shutil.rmtree(out)
            tries += 1
            continue
        if running.returncode == 0:
            break
        assert running.returncode == -signals.SIGKILL, stderr
        assert visible(out) == {}
        kills += 1
        # The workers end with the one that started them.
        deadline = time.monotonic() + 120
        while any(map(is_running, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert kills >= 1
    assert json.loads(stdout)["resumed"] >= 1
    score_records(model, [many], tmp_path / "clean", tables=tables)
    got, clean = visible(out), visible(tmp_path / "clean")
    assert set(got) == set(clean)
    assert [got[name] for name in names] == [clean[name] for name in names]


def test_what_was_just_being_written_is_not_taken_for_a_result(model, recordings, tmp_path):
    """A process that is killed leaves temporary files."""
    for place in (
        "annotations/one/.100.0123abcd.dat",
        "records/.ecg.89abcdef.html",
        ".k.00000000.part",
    ):
        left = tmp_path / "out" / ".parts" / place
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
    assert score_records(model, [recordings], tmp_path / "out").resumed == 0
    score_records(model, [recordings], tmp_path / "clean")
    names = [
        sorted(path.relative_to(out) for path in out.rglob("*"))
        for out in (tmp_path / "out", tmp_path / "clean")
    ]
    assert names[0] == names[1]


HALF_MOVED = """
    import os, signal, sys
    from pathlib import Path
    from edgecnn.ecg import results_folder, score
    from edgecnn.runtime.session import load_model

    model, paths, out, moves = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    real, done = results_folder._move, []

    def move(*arguments):
        if len(done) == moves:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(arguments)
        real(*arguments)

    results_folder._move = move
    score.score_records(load_model(model), [paths], out)
"""


@pytest.mark.parametrize("moves", [0, 4, 10])
def test_killed_while_results_are_moved_the_next_run_finishes_that_first(
    beat_model, model, recordings, tmp_path, moves
):
    out = tmp_path / "out"
    score_records(model, [recordings / "ecg.csv"], out, jsonl=True)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(HALF_MOVED),
            beat_model,
            recordings,
            out,
            str(moves),
        ],
        timeout=240,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signals.SIGKILL, done.stderr
    # The next run comes to nothing, but not before the last one's results are whole.
    with pytest.raises(KeyboardInterrupt), open_results(out):
        raise KeyboardInterrupt
    assert {p.name for p in out.iterdir()} == RESULTS
    score_records(model, [recordings], tmp_path / "clean")
    got, clean = visible(out), visible(tmp_path / "clean")
    assert set(got) == set(clean)
    assert got["beats.csv"] == clean["beats.csv"]
    assert got["annotations/two/100.edge"] == clean["annotations/two/100.edge"]


def test_interrupted_while_results_are_moved_it_finishes_that(
    model, recordings, tmp_path, monkeypatch
):
    real, calls = results_folder._move, []

    def move(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(results_folder, "_move", move)
    with pytest.raises(KeyboardInterrupt):
        score_records(model, [recordings], tmp_path / "out")
    monkeypatch.undo()
    score_records(model, [recordings], tmp_path / "clean")
    assert set(visible(tmp_path / "out")) == set(visible(tmp_path / "clean"))
    assert {p.name for p in (tmp_path / "out").iterdir()} == RESULTS


def test_a_record_among_the_results_is_not_replaced_by_a_link(model, recordings, tmp_path):
    place = tmp_path / "out" / "annotations"
    shutil.copytree(recordings / "one", place)
    before = (place / "100.dat").read_bytes()
    for _ in range(2):
        score_records(model, [place / "100.hea"], tmp_path / "out")
        assert not (place / "100.dat").is_symlink()
        assert (place / "100.dat").read_bytes() == before
        assert (place / "100.edge").exists()


def test_an_error_while_writing_leaves_the_tables_of_before(
    model, recordings, tmp_path, monkeypatch
):
    score_records(model, [recordings / "one"], tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in TABLES}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgecnn.ecg.score.write_report", full)
    with pytest.raises(EdgeCNNError, match="No space left on device"):
        score_records(model, [recordings], tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == before
    monkeypatch.undo()
    assert score_records(model, [recordings], tmp_path).resumed == 3
    assert not (tmp_path / ".parts").exists()


def test_a_group_that_comes_late_writes_nothing(model, recordings, tmp_path):
    """A cluster hands a group out again when its worker is silent, which may go on later."""
    out = tmp_path / "out"
    file = RecordFile(path=recordings / "one" / "100.hea", name="one/100")
    job = Job(ScoreOptions(), sha256_of(model.path), ResultsFolder(out))
    with open_results(out):
        assert isinstance(score_record_file(file, model, job), Scored)
    score_records(model, [recordings], out)
    before = visible(out)
    with pytest.raises(EdgeCNNError, match=r"the run that writes to .* is over") as error:
        score_record_file(file, model, job)
    assert ".parts was removed" in error.value.hint
    assert visible(out) == before
    assert {path.name for path in out.iterdir()} == RESULTS
