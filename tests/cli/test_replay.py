"""``edgecnn live --save-session`` and ``edgecnn replay`` as a person runs them."""

import json
import os
import signal
import subprocess
import sys

import cv2
import msgspec
import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.saved.frame_log import FrameLogWriter, read_frame_log
from tests.cli.running import has_begun

DIGITS = "bundled:mnist-lenet5"


def _save(capsys, folder, source, model=DIGITS, *more):
    arguments = ["live", str(model), "--source", str(source), "--headless", "--json"]
    assert run([*arguments, "--save-session", str(folder), *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def _replay(capsys, folder, *more):
    code = run(["replay", str(folder), "--json", *map(str, more)])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else told.err


def _edit(folder, change):
    """Write a session's log anew, with what ``change`` makes of each record's result."""
    log = folder / "frames.log"
    records = list(read_frame_log(log))
    log.unlink()
    writer = FrameLogWriter(log)
    for number, (record, data) in enumerate(records):
        change(number, record)
        writer.write(record, data)
    writer.close()


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "session"
    source = "test:digits?frames=25&pace=free&hold=0.2&size=160x120"
    assert run(["live", DIGITS, "--source", source, "--headless", "--json",
                "--save-session", str(folder)]) == 0  # fmt: skip
    return folder


@pytest.fixture
def copy(session, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in session.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_every_answer_comes_out_again_to_the_bit(session, capsys):
    code, found = _replay(capsys, session)
    assert code == 0
    assert (found["compared"], found["different"], found["lost"]) == (25, 0, 0)
    assert found["exact"]
    assert found["why"] == []
    assert found["ended"] == "end of source"
    assert run(["replay", str(session)]) == 0
    assert "25 of 25 answers are the same bit for bit (cpu, 12/12 nodes" in capsys.readouterr().out


def test_frames_are_lossless_and_everything_about_the_run_is_kept(session):
    from edgecnn.runtime.saved.frames import SavedFrames
    from edgecnn.runtime.saved.manifest import read_manifest
    from edgecnn.runtime.sources.test_camera import TestCamera

    manifest = read_manifest(session)
    frames = SavedFrames(session, manifest)
    frames.open()
    camera = TestCamera("test:digits?frames=25&pace=free&hold=0.2&size=160x120")
    for number in range(25):
        frame = frames.read()
        assert np.array_equal(frame.data, camera.picture(number))
        assert (frame.number, frame.truth) == (number, camera.label(number))
        assert frame.captured_ns > 0
    assert frames.read() is None
    assert frames.summary["processed"] == 25
    assert manifest.model == DIGITS
    assert len(manifest.model_sha256) == 64
    assert manifest.threads >= 1
    assert manifest.computer.packages["numpy"] == np.__version__
    assert manifest.computer.cpu
    assert (manifest.provider, manifest.nodes_on_provider) == ("cpu", "12/12")


def test_one_bit_is_a_difference_that_is_named(copy, capsys):
    def change(number, record):
        if number in (7, 9) and "result" in record:
            score = record["result"]["score"]
            record["result"]["score"] = float(np.nextafter(score, 2))

    _edit(copy, change)
    code, found = _replay(capsys, copy)
    assert code == 1
    assert found["different"] == 2
    assert found["keys"] == {"score": 2}
    assert (found["first"]["frame"], found["first"]["key"]) == (7, "score")
    assert run(["replay", str(copy)]) == 1
    text = capsys.readouterr().out
    assert "23 of 25 answers are the same" in text
    assert "first difference at frame 7, score: " in text


def test_elsewhere_a_tolerance_is_allowed_and_said(copy, capsys):
    def change(number, record):
        if "result" in record:
            record["result"]["score"] -= 1e-4

    _edit(copy, change)
    path = copy / "session.json"
    described = msgspec.json.decode(path.read_bytes())
    described["computer"]["cpu"] = "Another Processor"
    described["computer"]["packages"]["numpy"] = "0.1"
    path.write_bytes(msgspec.json.encode(described))
    code, found = _replay(capsys, copy)
    assert (code, found["different"], found["exact"]) == (0, 0, False)
    assert [reason.split(":")[0] for reason in found["why"]] == ["processor", "numpy"]
    code, found = _replay(capsys, copy, "--tolerance", 1e-6)
    assert (code, found["different"]) == (1, 25)


def test_another_model_is_compared_within_the_tolerance_asked_for(session, capsys):
    code, found = _replay(capsys, session, "--model", f"{DIGITS}.int8", "--tolerance", 0.5)
    assert (code, found["different"], found["exact"]) == (0, 0, False)
    assert "mnist-lenet5.int8" in found["why"][0]
    code, found = _replay(capsys, session, "--model", f"{DIGITS}.int8", "--tolerance", 0)
    assert code == 1
    assert found["first"]["frame"] == 0


def test_a_model_file_that_changed_is_refused(picture_model, tmp_path, capsys):
    model = tmp_path / "model.onnx"
    model.write_bytes(picture_model.read_bytes())
    _save(capsys, tmp_path / "s", "test:?frames=3&pace=free", model)
    model.write_bytes(picture_model.read_bytes() + b"\x72\x00")
    code, told = _replay(capsys, tmp_path / "s")
    assert code == 1
    assert "is not the file that the session ran" in told


def test_an_ecg_whose_processor_remembers(tmp_path, capsys):
    # At another rate than the model's, so that the session has to tell it.
    drawn = synthetic_ecg(20.0, rate_hz=250.0, seed=3)
    lines = [f"{n / 250:.6f},{value:.4f}" for n, value in enumerate(drawn.signal_mv)]
    record = tmp_path / "ecg.csv"
    record.write_text("\n".join(["time,MLII", *lines]) + "\n")
    rows = _save(capsys, tmp_path / "s", f"record:{record}?pace=free", "bundled:ecg-beats")
    assert sum(len(row["beats"]) for row in rows[:-1]) > 15
    code, found = _replay(capsys, tmp_path / "s")
    assert (code, found["different"]) == (0, 0)
    assert found["compared"] == len(rows) - 1

    # Without one of the chunks, everything after it is another story.
    log = tmp_path / "s" / "frames.log"
    records = list(read_frame_log(log))
    log.unlink()
    writer = FrameLogWriter(log)
    for record, data in records[:50] + records[51:]:
        writer.write(record, data)
    writer.close()
    code, found = _replay(capsys, tmp_path / "s")
    assert code == 1
    assert found["first"]["frame"] == 51


def test_broken_pictures_and_foreign_models(foreign_detector, tmp_path, capsys):
    model, contract = foreign_detector
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "a.png"), np.full((200, 200, 3), 250, np.uint8))
    (tmp_path / "pictures" / "b.png").write_bytes(b"nothing")
    folder = tmp_path / "s"
    arguments = ["live", str(model), "--metadata", str(contract), "--headless"]
    source = ["--source", str(tmp_path / "pictures"), "--save-session", str(folder)]
    assert run(arguments + source) == 1
    capsys.readouterr()
    code, found = _replay(capsys, folder)
    assert (code, found["compared"], found["different"]) == (0, 2, 0)


def test_a_killed_session_replays_up_to_its_last_whole_frame(tmp_path, capsys):
    folder = tmp_path / "s"
    command = [sys.executable, "-m", "edgecnn", "live", DIGITS, "--source", "test:?fps=60",
               "--headless", "--json", "--save-session", str(folder)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        log = folder / "frames.log"
        # How far it is behind what is told here is up to the machine.
        while not has_begun(log) or sum(1 for _ in read_frame_log(log)) < 30:
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.communicate()
    code, found = _replay(capsys, folder)
    assert (code, found["different"], found["ended"]) == (0, 0, None)
    assert found["compared"] >= 25
    content = log.read_bytes()
    # The kill may have cut a record off itself.
    whole = sum(1 for _ in read_frame_log(log))
    log.write_bytes(content[:-1000])
    left = sum(1 for _ in read_frame_log(log))
    assert left in (whole - 1, whole)
    code, cut = _replay(capsys, folder)
    assert (code, cut["compared"]) == (0, left)
    assert run(["replay", str(folder)]) == 0
    assert "the session was cut off" in capsys.readouterr().out


def test_a_session_is_not_written_over(session, capsys):
    arguments = ["live", DIGITS, "--source", "test:?frames=2", "--headless"]
    assert run([*arguments, "--save-session", str(session)]) == 2
    assert "holds a session already" in capsys.readouterr().err


def test_a_folder_without_a_session(tmp_path, capsys):
    code, told = _replay(capsys, tmp_path)
    assert code == 1
    assert "holds no saved session" in told
    (tmp_path / "session.json").write_text("{}")
    code, told = _replay(capsys, tmp_path)
    assert code == 1
    assert "is no description of a session" in told


def test_a_disk_that_is_too_slow_loses_answers_and_says_how_many(tmp_path, capsys, monkeypatch):
    import threading

    from edgecnn.runtime.saved.saving import SaveSession
    from edgecnn.runtime.sinks.background import Background

    write, come = SaveSession.write, threading.Event()

    def slow(self, answer):
        assert come.wait(60)
        write(self, answer)

    queue, queued = Background.write, []

    def queueing(self, answer):
        queue(self, answer)
        queued.append(answer)
        if len(queued) == 40:
            come.set()

    monkeypatch.setattr(SaveSession, "write", slow)
    monkeypatch.setattr(Background, "write", queueing)
    rows = _save(capsys, tmp_path / "s", "test:?fps=100&size=64x48", DIGITS, "--frames", "40")
    assert len(rows) == 41
    code, found = _replay(capsys, tmp_path / "s")
    assert (code, found["different"]) == (0, 0)
    assert found["lost"] > 0
    assert found["compared"] + found["lost"] == 40
