from __future__ import annotations

import dataclasses
import json
import signal
import threading

import cv2
import pytest

from edgecnn import demo
from edgecnn.cli.group import edgecnn
from edgecnn.ecg.synthetic import SyntheticECG, synthetic_ecg
from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Summary
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.test_camera import TestCamera


class _LyingCamera(TestCamera):
    """Says another digit than the one it draws, now and then."""

    __test__ = False

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is None or frame.number % 4 != 3:
            return frame
        return dataclasses.replace(frame, truth=str(9 - int(frame.truth)))


def _ecg_without_said_pvcs(duration_s: float, rate_hz: float, *, seed: int) -> SyntheticECG:
    ecg = synthetic_ecg(duration_s, rate_hz, seed=seed)
    symbols = list(ecg.symbols)
    symbols[symbols.index("V")] = "N"
    return ecg._replace(symbols=tuple(symbols))


def test_the_demo_is_right_and_leaves_what_it_promises(tmp_path):
    said = []
    report = demo.run_demo(tmp_path / "out", seconds=3, say=said.append)
    camera, ecg = report.camera, report.ecg
    assert report.good
    assert camera.answered == camera.summary.processed > 9
    assert camera.right >= demo.LEAST_DIGITS * camera.answered
    assert camera.model == min(camera.run_ms, key=camera.run_ms.get)
    assert set(camera.run_ms) == {"mnist-lenet5", "mnist-lenet5.int8"}
    assert (ecg.pvcs_found, ecg.pvcs_false) == (ecg.drawn_pvcs, 0)
    assert ecg.drawn_pvcs > 10
    assert ecg.found == ecg.drawn
    assert any("camera" in text for text in said)
    video = cv2.VideoCapture(str(tmp_path / "out/camera.mkv"))
    assert video.read()[0]
    video.release()
    assert "<html" in (tmp_path / "out/ecg-results/report.html").read_text()


def account(**changed: object) -> demo.CameraAccount:
    """A good camera's account, but for what is changed in its summary or itself."""
    counts = {"captured": 101, "processed": 100, "dropped": 1, "failed": 0, "pending": 0}
    own = {"right": 100, "answered": 100}
    summary = Summary(
        **counts | {key: value for key, value in changed.items() if key in counts},
        duplicates=0,
        fps=30.0,
        latency_ms={"p50": 1.0, "p95": 2.0, "p99": 3.0},
        provider="cpu",
        nodes_on_provider="9/9",
        source="test:digits",
        seconds=3.3,
        ended="frames",
    )
    return demo.CameraAccount(
        "mnist-lenet5",
        {"mnist-lenet5": 0.1},
        **own | {key: value for key, value in changed.items() if key in own},
        summary=summary,
    )


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True),
        ({"right": 99}, True),
        ({"right": 98}, False),
        # Frames that no one accounts for, each way round.
        ({"captured": 102}, False),
        ({"processed": 101}, False),
        ({"dropped": 0}, False),
        ({"failed": 1}, False),
        ({"captured": 102, "pending": 1}, False),
        ({"pending": 1}, False),
        # Nothing was answered, so nothing was wrong.
        ({"answered": 0, "right": 0}, False),
    ],
)
def test_a_camera_is_good_when_its_answers_are_and_every_frame_is_accounted_for(changed, good):
    assert account(**changed).good is good


@pytest.mark.parametrize(
    ("drawn_pvcs", "pvcs_found", "pvcs_false", "good"),
    [(17, 17, 0, True), (17, 16, 0, False), (17, 17, 1, False), (0, 0, 0, False)],
)
def test_an_ecg_is_good_when_its_pvcs_and_nothing_else_are_found(
    drawn_pvcs, pvcs_found, pvcs_false, good
):
    ecg = demo.EcgAccount(120.0, 144, drawn_pvcs, 144, pvcs_found, pvcs_false, 80.0)
    assert ecg.good is good


@pytest.mark.parametrize(("camera", "ecg"), [(True, False), (False, True), (True, True)])
def test_the_demo_is_good_when_both_halves_are(camera, ecg, tmp_path):
    report = demo.DemoReport(
        account(right=100 if camera else 0),
        demo.EcgAccount(120.0, 144, 17, 144, 17 if ecg else 0, 0, 80.0),
        tmp_path,
    )
    assert report.good is (camera and ecg)


def test_wrong_digits_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "TestCamera", _LyingCamera)
    report = demo.run_demo(tmp_path, seconds=4)
    assert not report.camera.good
    assert report.camera.right < report.camera.answered


def test_a_pvc_that_was_not_drawn_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "synthetic_ecg", _ecg_without_said_pvcs)
    report = demo.run_demo(tmp_path, seconds=1)
    assert report.ecg.pvcs_false == 1
    assert not report.ecg.good
    assert not report.good


def test_the_command_reports_as_json(tmp_path, capsys):
    out = tmp_path / "out"
    code = edgecnn.main(["demo", "-o", str(out), "--seconds", "1", "--json"], standalone_mode=False)
    report = json.loads(capsys.readouterr().out)
    assert not code
    assert report["good"] is True
    assert report["camera"]["summary"]["pending"] == 0


def test_the_command_exits_with_1_when_an_answer_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "synthetic_ecg", _ecg_without_said_pvcs)
    code = edgecnn.main(["demo", "-o", str(tmp_path), "--seconds", "1"], standalone_mode=False)
    assert code == 1
    assert "WRONG: " in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeCNNError, match="cannot make"):
        demo.run_demo(tmp_path / "file" / "out")


def test_ctrl_c_ends_the_whole_demo(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_ecg", lambda *given: pytest.fail("went on with the ECG"))
    timer = threading.Timer(1.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        demo.run_demo(tmp_path, seconds=20)
    timer.join()


def test_sigterm_ends_the_whole_demo_as_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_ecg", lambda *given: pytest.fail("went on with the ECG"))

    class Told(BaseException):
        pass

    def tell(number, frame):
        raise Told

    before = signal.signal(signal.SIGTERM, tell)
    timer = threading.Timer(1.5, signal.raise_signal, [signal.SIGTERM])
    timer.start()
    try:
        with pytest.raises(Told):
            demo.run_demo(tmp_path, seconds=20)
    finally:
        timer.join()
        signal.signal(signal.SIGTERM, before)
