from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgecnn.calibration.cache import CalibrationCache, cache_key, observe_cached
from edgecnn.calibration.estimators import make_estimator
from edgecnn.calibration.observe import observed_tensors
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.ranges import ranges_of
from edgecnn.data.dataset import DatasetInfo

INFO = DatasetInfo("d", "train", (), "ab" * 32, "", "")


class _StopError(Exception):
    pass


@pytest.fixture(scope="module")
def prepared(fp32) -> onnx.ModelProto:
    return prepare(onnx.load(fp32))


@pytest.fixture(scope="module")
def data(calibration, metadata) -> np.ndarray:
    return calibration.inputs(metadata.input)["input"][:48]


class _Batches:
    """Counts what is asked for, and may stop in the middle."""

    def __init__(self, data, stop_at=None):
        self.data, self.stop_at, self.given = data, stop_at, []

    def __call__(self, start=0):
        for i in range(start, len(self.data), 8):
            if i == self.stop_at:
                raise _StopError
            self.given.append(i)
            yield {"input": self.data[i : i + 8]}


def _run(prepared, batches, cache, *, histograms=True):
    names = observed_tensors(prepared)
    samples = len(batches.data)
    return observe_cached(
        prepared, batches, names, histograms=histograms, samples=samples, cache=cache
    )


def test_a_repeated_one_runs_nothing(prepared, data, tmp_path):
    first, second = _Batches(data), _Batches(data)
    before = _run(prepared, first, CalibrationCache("k", tmp_path))
    cache = CalibrationCache("k", tmp_path)
    after = _run(prepared, second, cache)
    assert (len(first.given), second.given) == (6, [])
    assert "48 samples read from" in cache.describe(48)
    for method in ("min-max", "moving-average", "percentile", "entropy", "mse"):
        estimator = make_estimator(method)
        assert ranges_of(after, estimator) == ranges_of(before, estimator)


@pytest.mark.parametrize("histograms", [True, False])
def test_an_interrupted_one_goes_on(prepared, data, tmp_path, histograms):
    stopped = _Batches(data, stop_at=32)
    with pytest.raises(_StopError):
        _run(prepared, stopped, CalibrationCache("k", tmp_path, every_s=0), histograms=histograms)
    cache, rest = CalibrationCache("k", tmp_path), _Batches(data)
    seen = _run(prepared, rest, cache, histograms=histograms)
    assert rest.given == [32, 40]
    assert "taken up after 32 of 48" in cache.describe(48)
    whole = _run(prepared, _Batches(data), None, histograms=histograms)
    for method in ("min-max", "moving-average", *(("mse",) if histograms else ())):
        estimator = make_estimator(method)
        assert ranges_of(seen, estimator) == ranges_of(whole, estimator)


def test_what_is_damaged_is_done_again(prepared, data, tmp_path):
    whole = _run(prepared, _Batches(data), CalibrationCache("k", tmp_path))
    path = CalibrationCache("k", tmp_path).path
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    for damaged in (content[: len(content) // 2], b"", bytes(flipped)):
        path.write_bytes(damaged)
        again = _Batches(data)
        seen = _run(prepared, again, CalibrationCache("k", tmp_path))
        assert len(again.given) == 6
        estimator = make_estimator("mse")
        assert ranges_of(seen, estimator) == ranges_of(whole, estimator)


def test_a_folder_that_cannot_be_written_is_no_obstacle(prepared, data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = CalibrationCache("k", tmp_path / "file" / "deeper", every_s=0)
    assert _run(prepared, _Batches(data), cache).samples == 48


def test_the_key_follows_all_that_matters():
    def key(model="m", info=INFO, chosen=(1, 2, 3), *, histograms=True, batch=8):
        return cache_key(model, info, np.array(chosen), histograms=histograms, batch=batch)

    others = [
        key("n"),
        key(info=DatasetInfo("d", "test", (), "ab" * 32, "", "")),
        key(info=DatasetInfo("d", "train", (), "cd" * 32, "", "")),
        key(chosen=(1, 2, 4)),
        key(histograms=False),
        key(batch=4),
    ]
    assert len({key(), *others}) == 7
    assert key() == key()


def test_old_ones_make_room(prepared, data, tmp_path, monkeypatch):
    seen = _run(prepared, _Batches(data), CalibrationCache("a", tmp_path))
    size = (tmp_path / "a.npz").stat().st_size
    monkeypatch.setattr("edgecnn.calibration.cache._LIMIT_BYTES", int(2.5 * size))
    for number, key in enumerate("bcd"):
        cache = CalibrationCache(key, tmp_path)
        cache.save(seen, last=True)
        os.utime(cache.path, (2e9 + number, 2e9 + number))
    CalibrationCache("e", tmp_path).save(seen, last=True)
    os.utime(tmp_path / "e.npz", (3e9, 3e9))
    CalibrationCache("e", tmp_path).save(seen, last=True)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert (tmp_path / "e.npz").exists()


_KILLED = """
import sys
from pathlib import Path
import numpy as np, onnx
from edgecnn.calibration.cache import CalibrationCache, observe_cached
from edgecnn.calibration.observe import observed_tensors

model, data, folder = onnx.load(sys.argv[1]), np.load(sys.argv[2]), Path(sys.argv[3])

def batches(start=0):
    for i in range(start, len(data), 8):
        if i == 24:
            (folder / "reached").touch()
            while True:
                pass
        yield {"input": data[i : i + 8]}

observe_cached(model, batches, observed_tensors(model), histograms=True, samples=len(data),
               cache=CalibrationCache("k", folder, every_s=0))
"""


def test_a_killed_process_loses_nothing_that_was_kept(prepared, data, tmp_path):
    onnx.save(prepared, tmp_path / "p.onnx")
    np.save(tmp_path / "d.npy", data)
    command = [sys.executable, "-c", _KILLED, "p.onnx", "d.npy", "."]
    process = subprocess.Popen(command, cwd=tmp_path)
    try:
        while not (tmp_path / "reached").exists():
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    rest = _Batches(data)
    _run(prepared, rest, CalibrationCache("k", tmp_path))
    assert rest.given == [24, 32, 40]
    assert [p.name for p in Path(tmp_path).glob(".k*")] == []


def test_what_cannot_be_kept_is_not_said_to_be(prepared, data, tmp_path):
    (tmp_path / "file").touch()
    cache = CalibrationCache("k", tmp_path / "file")
    _run(prepared, _Batches(data), cache)
    said = cache.describe(48)
    assert said.startswith(f"calibration was not kept: cannot write {tmp_path / 'file'}")
    assert "kept in" not in said
