"""Optimised models in the user's cache."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.runtime.session import load_model
from edgecnn.runtime.session_cache import CachedSession, cache_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("EDGECNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sessions"


@pytest.fixture
def file(tmp_path):
    """A model that is worth it, written a while ago."""
    path = Path(shutil.copy(resolve_model("bundled:cifar10-resnet.int8"), tmp_path / "m.onnx"))
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def _load(file, **options):
    return load_model(file, provider="cpu", cache=True, **options)


def _run(model):
    random = np.random.default_rng(0)
    return model.run({"input": random.standard_normal((3, 3, 32, 32), dtype=np.float32)})


def _models(cache):
    return sorted(path.name for path in cache.glob("*.ort"))


def test_the_second_time_the_optimised_model_is_opened_and_is_the_same(cache, file):
    plain = load_model(file, provider="cpu")
    first = _load(file)
    assert first.placement.cached is None
    (name,) = _models(cache)
    second = _load(file)
    assert second.placement.cached == cache / name
    for model in (first, second):
        assert np.array_equal(_run(model), _run(plain))
        assert model.metadata == plain.metadata
        assert model.placement.on_provider == plain.placement.on_provider
        assert model.placement.operators == plain.placement.operators
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_threads_and_spinning_are_the_callers(cache, file):
    _load(file)
    options = _load(file, threads=1, spinning=False).session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_file_that_changed_is_another_model(cache, file):
    _load(file)
    model = onnx.load(file)
    model.doc_string = "changed"
    onnx.save(model, file)
    assert _load(file).placement.cached is None
    assert len(_models(cache)) == 2


def test_another_runtime_or_processor_has_another_place(cache, file, monkeypatch):
    from edgecnn.runtime import session_cache

    here = CachedSession.of(file, "cpu", "1.31.1")
    assert CachedSession.of(file, "cpu", "1.31.1") == here
    assert CachedSession.of(file, "cpu", "1.32.0") != here
    machine = session_cache.describe_machine()
    monkeypatch.setattr(
        session_cache,
        "describe_machine",
        lambda: type(machine)(**{**machine.__dict__, "cpu": "another"}),
    )
    assert CachedSession.of(file, "cpu", "1.31.1") != here
    assert CachedSession.of(file, "cuda", "1.31.1") is None


@pytest.mark.parametrize("size", [0, 100, 0.5, 0.999])
def test_what_cannot_be_loaded_is_thrown_away_and_made_anew(cache, file, size):
    _load(file)
    (name,) = _models(cache)
    content = (cache / name).read_bytes()
    (cache / name).write_bytes(
        content[: size if isinstance(size, int) else int(size * len(content))]
    )
    assert _load(file).placement.cached is None
    assert (cache / name).stat().st_size > 0.9 * len(content)
    assert _load(file).placement.cached == cache / name


def test_rubbish_of_the_right_size_is_thrown_away(cache, file):
    _load(file)
    (name,) = _models(cache)
    size = (cache / name).stat().st_size
    (cache / name).write_bytes(b"\x07" * size)
    assert _load(file).placement.cached is None
    assert _load(file).placement.cached == cache / name


def test_what_answers_otherwise_is_thrown_away(cache, file):
    """The golden vectors are the file's: what lies in the cache must hold them."""
    _load(file)
    (name,) = _models(cache)
    path = cache / name
    content = bytearray(path.read_bytes())
    # Spoil every number that looks like one of the last layer's biases or scales.
    for start in range(len(content) // 2, len(content) - 4096, 64):
        content[start] ^= 0x55
    path.write_bytes(bytes(content))
    model = _load(file)
    assert model.placement.cached is None
    assert np.array_equal(_run(model), _run(load_model(file, provider="cpu")))


@pytest.mark.parametrize("setting", ["off", "0", ""])
def test_it_can_be_turned_off(file, monkeypatch, tmp_path, setting):
    monkeypatch.setenv("EDGECNN_CACHE", setting)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() is None
    _load(file)
    assert _load(file).placement.cached is None
    assert not (tmp_path / "home").exists()


def test_it_lies_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("EDGECNN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "edgecnn" / "sessions"


def test_where_nothing_can_be_written_it_works_without(file, monkeypatch, tmp_path):
    # A file where the folder should be: not even root can make one there.
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("EDGECNN_CACHE", str(tmp_path / "taken"))
    assert _load(file).placement.cached is None
    monkeypatch.setenv("EDGECNN_CACHE", "/proc/none")
    assert _load(file).placement.cached is None


def test_a_folder_that_others_can_write_to_is_not_trusted(cache, file):
    _load(file)
    assert _load(file).placement.cached is not None
    cache.chmod(0o777)
    assert _load(file).placement.cached is None


def test_small_models_and_weights_elsewhere_are_not_kept(cache, file, tmp_path):
    load_model("bundled:mnist-lenet5", provider="cpu", cache=True)
    assert not cache.exists() or not _models(cache)
    model = onnx.load(file)
    onnx.save(model, file, save_as_external_data=True, location="w.bin", size_threshold=1024)
    big = onnx.load(file, load_external_data=False)
    big.doc_string = "x" * 400_000
    onnx.save(big, file)
    os.utime(file, (time.time() - 60, time.time() - 60))
    _load(file)
    assert not _models(cache)


def test_many_at_once_leave_one_whole_model(cache, file):
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: _load(file, check=False), range(8)))
    expected = _run(load_model(file, provider="cpu"))
    assert all(np.array_equal(_run(model), expected) for model in models)
    assert len(_models(cache)) == 1
    assert _load(file).placement.cached is not None


def test_the_least_recently_used_are_removed(cache, file, monkeypatch):
    from edgecnn.runtime import session_cache

    monkeypatch.setattr(session_cache, "_MOST_ENTRIES", 2)
    _load(file)
    (first,) = _models(cache)
    for number in range(3):
        (cache / f"{number}.ort").write_text("x")
        os.utime(cache / f"{number}.ort", (number, number))
    os.utime(cache / first, (10, 10))
    (cache / first).with_suffix(".json").unlink()
    _load(file)
    assert _models(cache) == sorted([first, "2.ort"])
