"""``edgecnn live`` as a person runs it, to its end: lines, tables, recordings."""

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.running import live, one_error_line, rows_of


def _table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_json_lines_of_the_test_camera(picture_model):
    done = live(picture_model, "--source", "test:?frames=40&fps=60", "--json")
    assert done.returncode == 0, done.stderr
    rows, summary = rows_of(done.stdout)
    assert summary["captured"] == 40
    assert summary["processed"] == len(rows)
    assert summary["processed"] + summary["dropped"] == 40
    assert summary["pending"] == 0
    assert (summary["provider"], summary["ended"]) == ("cpu", "end of source")
    agreed = {"source", "frame", "captured_ns", "latency_ms", "state", "reason", "label", "score"}
    for row in rows:
        assert agreed | {"top", "ledger"} <= set(row)
        ledger = row["ledger"]
        assert ledger["captured"] == sum(ledger.values()) - ledger["captured"]
        assert row["truth"] in "0123456789"
    frames = [row["frame"] for row in rows]
    assert frames == sorted(set(frames))
    assert rows[-1]["frame"] == 39
    assert "brightness on cpu: 3/3 nodes" in done.stderr


def test_text_and_no_window_without_a_display(picture_model):
    done = live(picture_model, "--source", "test:?frames=5&pace=free")
    assert done.returncode == 0
    assert "no window: " in done.stderr
    assert "5 frames, 5 answered in" in done.stdout
    assert "fps; latency p50" in done.stdout


def test_a_display_that_does_not_answer_does_not_abort(picture_model):
    done = live(picture_model, "--source", "test:?frames=3&pace=free", DISPLAY=":217")
    assert done.returncode == 0
    assert "no window: " in done.stderr


def test_frames_ends_the_stream(picture_model):
    done = live(picture_model, "--source", "test:?fps=100", "--frames", 7, "--json", "--headless")
    rows, summary = rows_of(done.stdout)
    assert len(rows) == 7
    assert summary["ended"] == "frames"


def test_an_mp4_is_made_at_the_end_and_the_mkv_is_gone(picture_model, tmp_path):
    record = tmp_path / "out.mp4"
    done = live(
        picture_model, "--source", "test:?frames=20&pace=free", "--headless", "--record", record
    )
    assert done.returncode == 0, done.stderr
    assert f"recorded: {record}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 20


def test_a_table_and_a_sink_of_ones_own_get_every_frame(picture_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mysinks.py").write_text(
        "class Labels:\n"
        "    def __init__(self, path): self.file = open(path, 'w')\n"
        "    def write(self, answer): self.file.write(f'{answer.result.label}\\n')\n"
        "    def close(self, summary): self.file.close()\n"
    )
    done = live(
        picture_model, "--source", "test:?frames=30&pace=free", "--json", "--headless",
        "--csv", "out.csv", "--sink", "mysinks:Labels?path=labels.txt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows, summary = rows_of(done.stdout)
    table = _table(tmp_path / "out.csv")
    assert [int(row["frame"]) for row in table] == [row["frame"] for row in rows]
    labels = [row["label"] for row in rows]
    assert [row["label"] for row in table] == labels
    assert (tmp_path / "labels.txt").read_text().split() == labels
    assert summary["sinks"] == {"csv": 0, "mysinks:Labels": 0}


def test_the_sink_in_the_documentation_works(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (repository / "docs" / "live.md").read_text()
    (code,) = re.findall(r"```python\n# doorbell.py\n(.*?)```", page, re.DOTALL)
    (tmp_path / "doorbell.py").write_text(code)
    (sink,) = re.findall(r"--sink '(doorbell.*?)'", page)
    source = "test:?hold=0.2&fps=30&frames=30&pace=free"
    done = live("bundled:mnist-lenet5", "--source", source, "--json", "--headless", "--sink", sink)
    assert done.returncode == 0, done.stderr
    rows, _ = rows_of(done.stdout)
    good = [row["label"] for row in rows if row["state"] == "ok" and row["score"] >= 0.5]
    changes = [label for label, before in zip(good, [None, *good], strict=False) if label != before]
    told = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [row["label"] for row in told] == changes
    assert len(changes) >= 5


def test_a_folder_with_a_broken_picture(picture_model, tmp_path):
    for name, value in (("a.png", 0), ("c.png", 255)):
        picture = np.full((30, 30, 3), value, np.uint8)
        picture[:4, :4] = 99  # one colour all over gets no label
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "b.png").write_bytes(b"nothing")
    done = live(picture_model, "--source", tmp_path, "--json", "--headless")
    rows, summary = rows_of(done.stdout)
    # As `predict` does: the others are answered, and the end is not a good one.
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert errors == [f"error: 1 of 3 frames from {tmp_path} (3 pictures) could not be answered"]
    assert [row["label"] for row in rows] == ["dark", "unknown", "bright"]
    assert [row["state"] for row in rows] == ["ok", "unknown", "ok"]
    assert "b.png" in rows[1]["reason"]
    assert [Path(row["name"]).name for row in rows] == ["a.png", "b.png", "c.png"]
    assert (summary["captured"], summary["processed"], summary["failed"]) == (3, 2, 1)


def test_nothing_but_broken_pictures_is_a_failure(picture_model, tmp_path):
    (tmp_path / "b.png").write_bytes(b"nothing")
    done = live(picture_model, "--source", tmp_path, "--json", "--headless")
    assert done.returncode == 1
    assert "1 of 1 frames" in done.stderr
    assert rows_of(done.stdout)[1]["failed"] == 1


def test_a_beat_model_reads_an_ecg():
    source = "test:ecg?seconds=30&pace=free"
    done = live("bundled:ecg-beats", "--source", source, "--json", "--headless")
    assert done.returncode == 0, done.stderr
    rows, summary = rows_of(done.stdout)
    assert (summary["captured"], summary["processed"], summary["dropped"]) == (300, 300, 0)
    beats = [beat for row in rows for beat in row["beats"]]
    assert 30 <= len(beats) <= 40
    assert {"N", "V"} <= {beat["class"] for beat in beats}


@pytest.mark.data
def test_a_real_video_frame_by_frame(picture_model, data_root):
    video = data_root / "video" / "asl-again.mkv"
    done = live(picture_model, "--source", video, "--json", "--headless")
    rows, summary = rows_of(done.stdout)
    assert done.returncode == 0
    assert [row["frame"] for row in rows] == list(range(77))
    assert (summary["captured"], summary["processed"], summary["dropped"]) == (77, 77, 0)


def test_a_recording_that_was_cut_off_ends_with_an_error_and_exact_books(picture_model, tmp_path):
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    done = live(
        picture_model, "--source", "test:?frames=60&pace=free", "--headless", "--record", whole
    )
    assert done.returncode == 0, done.stderr
    content = whole.read_bytes()
    cut.write_bytes(content[: int(0.6 * len(content))])
    done = live(picture_model, "--source", whole, "--json", "--headless")
    assert done.returncode == 0, done.stderr
    assert rows_of(done.stdout)[1]["captured"] == 60
    done = live(picture_model, "--source", cut, "--json", "--headless")
    assert done.returncode == 1
    rows, summary = rows_of(done.stdout)
    assert 33 <= len(rows) <= 37
    assert "ended about " in summary["ended"]
    assert f"early, after {len(rows)}" in summary["ended"]
    assert f"error: {summary['ended']}" in done.stderr
    assert (summary["captured"], summary["processed"]) == (len(rows), len(rows))
    assert summary["dropped"] == summary["failed"] == summary["pending"] == 0


def test_a_foreign_detector_runs_live_and_its_boxes_are_drawn(foreign_detector, tmp_path):
    for number in range(3):
        picture = np.full((400, 400, 3), 240, np.uint8)
        picture[300:] = 200
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    model, contract = foreign_detector
    record = tmp_path / "out.mkv"
    source = ("--source", tmp_path / "*.png")
    done = live(model, "--metadata", contract, *source, "--headless", "--json", "--record", record)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[-1]["summary"]["processed"] == 3
    assert [len(row["boxes"]) for row in rows[:-1]] == [1, 1, 1]
    assert rows[0]["boxes"][0][:5] == [0, 0, 200, 200, "dog"]
    capture = cv2.VideoCapture(str(record))
    there, frame = capture.read()
    assert there
    # The box's lower edge is drawn on the grey ground, and beyond it is none.
    assert np.abs(frame[196:202, 100:150].astype(int) - 240).max() > 60
    assert np.abs(frame[230:300, 230:300].astype(int) - 240).max() < 12


def test_a_missed_promise_is_exit_code_1_after_the_summary(picture_model):
    source = ("--source", "test:?frames=30&fps=60", "--headless", "--json")
    done = live(picture_model, *source, "--slo", "p95=0.001ms", "--slo", "fps>=1")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "missed: p95 " in errors[0]
    assert "fps" not in errors[0]
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["captured"] == 30
    assert live(picture_model, *source, "--slo", "p95=60s").returncode == 0


def test_only_changes_are_printed(picture_model):
    source = ("--source", "fault:black=1s?every=1&fps=20&pace=free&frames=80", "--headless")
    done = live(picture_model, *source, "--json", "--on-change", "--smooth", "majority=3")
    assert done.returncode == 0, done.stderr
    rows, summary = rows_of(done.stdout)
    assert [row["label"] for row in rows] == ["unknown", "dark", "unknown", "dark", "unknown"]
    assert summary["processed"] == 80
    assert live(picture_model, *source, "--smooth", "median=3").returncode == 2


def test_maps_are_drawn_over_the_picture_or_refused_at_once(tmp_path):
    source = ("--source", "test:?frames=5&pace=free&size=320x240", "--headless", "--explain")
    record = tmp_path / "out.mkv"
    done = live("bundled:cifar10-resnet", *source, "1", "--record", record)
    assert done.returncode == 0, done.stderr
    there, picture = cv2.VideoCapture(str(record)).read()
    # The camera and the overlay's texts are grey.
    middle = picture[60:200, 140:].astype(int)
    assert there
    assert np.abs(middle[..., 2] - middle[..., 0]).max() > 60
    refused = live("bundled:mnist-lenet5", *source)
    assert "has no class-activation map" in one_error_line(refused)
