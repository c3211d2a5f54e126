from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from edgecnn.calibration.target import this_machine
from edgecnn.data import open_dataset
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError
from edgecnn.evaluation.evaluate import (
    evaluate_model,
    input_batches,
    matched_targets,
    predict_dataset,
)
from edgecnn.evaluation.metrics import macro_f1, wilson_interval
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, ModelMetadata, RhythmFeatures
from edgecnn.runtime.session import Model, load_model

IMAGE = ImageInput(height=4, width=4, colour="gray")
BEAT = BeatInput(
    sampling_rate_hz=100,
    leads=("MLII",),
    before=2,
    after=3,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)


class _Model:
    """A model that answers by a function; a real session's part is tested with real files."""

    def __init__(self, labels, spec, answer):
        self.metadata = ModelMetadata(name="t", task="classify", labels=labels, input=spec)
        self.answer = answer
        self.batches: list[int] = []

    def run(self, inputs):
        self.batches.append(len(next(iter(inputs.values()))))
        return np.eye(len(self.metadata.labels), dtype=np.float32)[self.answer(inputs)]


def _model(labels, spec, answer) -> Model:
    return cast(Model, _Model(labels, spec, answer))


def _grey(levels, targets, labels=("dark", "bright"), note="") -> PictureArray:
    pictures = np.repeat(np.asarray(levels, np.uint8), 64).reshape(-1, 8, 8)
    info = DatasetInfo("grey", "test", labels, "0" * 64, "drawn", "CC0-1.0", note)
    return PictureArray(info, pictures, None if targets is None else np.asarray(targets, np.int64))


def _by_brightness(inputs):
    return (inputs["input"].mean(axis=(1, 2, 3)) > 0.5).astype(int)


def _beats(targets, answers, groups, labels=("N", "S", "V", "F", "Q")) -> Any:
    """A dataset whose inputs carry the answers that the model is to give."""
    answers = np.asarray(answers, np.float32)

    def inputs(spec, indices=None):
        chosen = np.arange(len(answers)) if indices is None else indices
        beat = np.zeros((len(chosen), *spec.shape), np.float32)
        beat[:, 0, 0] = answers[chosen]
        return {"beat": beat, "rr": np.zeros((len(chosen), 5), np.float32)}

    class _Dataset(SimpleNamespace):
        def __len__(self):
            return len(answers)

    info = DatasetInfo("beats", "test", labels, "0" * 64, "drawn", "CC0-1.0")
    return _Dataset(
        info=info, targets=np.asarray(targets), groups=np.asarray(groups), inputs=inputs
    )


def _by_first(inputs):
    return inputs["beat"][:, 0, 0].astype(int)


def test_pictures_get_accuracy_with_wilson_interval():
    data = _grey([10, 200, 30, 250, 240], [0, 1, 0, 1, 0], note="drawn ones")
    accuracy = evaluate_model(_model(("dark", "bright"), IMAGE, _by_brightness), data)
    assert (accuracy.metric, accuracy.value, accuracy.n) == ("accuracy", 0.8, 5)
    assert accuracy.interval_95 == wilson_interval(4, 5)
    assert accuracy.confusion == ((2, 1), (0, 2))
    assert accuracy.per_class["dark"].sensitivity == pytest.approx(2 / 3)
    assert (accuracy.dataset, accuracy.split, accuracy.note) == ("grey", "test", "drawn ones")


def test_labels_are_matched_by_name():
    data = _grey([10, 200, 30], [1, 0, 1], labels=("bright", "dark"))
    model = _model(("dark", "unused", "bright"), IMAGE, lambda x: 2 * _by_brightness(x))
    accuracy = evaluate_model(model, data)
    assert accuracy.value == 1.0
    assert accuracy.per_class["unused"].n == 0


def test_labels_that_the_model_does_not_have():
    data = _grey([10, 200], [0, 1], labels=("dark", "cat"))
    with pytest.raises(DataError, match="labels that the model does not: cat"):
        evaluate_model(_model(("dark", "bright"), IMAGE, _by_brightness), data)
    # One that no picture bears does no harm.
    unused = _grey([10, 20], [0, 0], labels=("dark", "cat"))
    assert evaluate_model(_model(("dark", "bright"), IMAGE, _by_brightness), unused).value == 1.0


def test_data_without_labels_or_examples():
    model = _model(("dark", "bright"), IMAGE, _by_brightness)
    with pytest.raises(DataError, match="no labels to measure against"):
        evaluate_model(model, _grey([10], None))
    with pytest.raises(DataError, match="holds no examples"):
        evaluate_model(model, _grey([], []))


def test_data_of_another_kind():
    with pytest.raises(DataError, match="heartbeats"):
        evaluate_model(_model(("dark", "bright"), BEAT, _by_first), _grey([10, 200], [0, 1]))


def test_beats_get_macro_f1_over_n_s_v():
    targets = [0] * 60 + [1] * 20 + [2] * 20 + [3] * 4
    answers = [0] * 55 + [1] * 5 + [1] * 10 + [0] * 10 + [2] * 20 + [0] * 4
    groups = [f"{100 + i % 8}" for i in range(104)]
    model = _model(("N", "S", "V", "F"), BEAT, _by_first)
    accuracy = evaluate_model(model, _beats(targets, answers, groups))
    confusion = np.array(accuracy.confusion)
    assert accuracy.metric == "macro-F1 (N,S,V)"
    assert accuracy.value == pytest.approx(macro_f1(confusion, [0, 1, 2]))
    assert accuracy.value == pytest.approx((110 / 129 + 20 / 35 + 1.0) / 3)
    assert accuracy.interval_95[0] < accuracy.value < accuracy.interval_95[1]
    assert set(accuracy.per_class) == {"N", "S", "V", "F"}


def test_interval_of_beats_is_by_record():
    """Four records that are right throughout and four that are wrong throughout."""
    targets = np.tile([0, 2], 4000)
    groups = np.repeat([f"{i}" for i in range(8)], 1000)
    answers = np.where(groups.astype(int) % 2, 2 - targets, targets)
    accuracy = evaluate_model(
        _model(("N", "S", "V"), BEAT, _by_first), _beats(targets, answers, groups)
    )
    assert accuracy.interval_95[1] - accuracy.interval_95[0] > 0.4


def test_beats_of_unscored_classes_are_left_out_and_said():
    data = _beats([0, 4, 0, 4, 2], [0, 0, 0, 0, 2], ["a"] * 5)
    accuracy = evaluate_model(_model(("N", "S", "V", "F"), BEAT, _by_first), data)
    assert accuracy.n == 3
    assert "2 beats of class Q left out" in accuracy.note
    with pytest.raises(DataError, match="labels that the model does not"):
        evaluate_model(_model(("x", "y"), BEAT, _by_first), data)


def test_limit_draws_examples_and_says_so():
    data = _grey([10, 200] * 50, [0, 1] * 50)
    accuracy = evaluate_model(_model(("dark", "bright"), IMAGE, _by_brightness), data, limit=30)
    assert accuracy.n == 30
    assert "30 examples drawn at random" in accuracy.note


def test_batches_progress_and_order():
    data = _grey(range(0, 250, 10), [0] * 25)
    model = _model(("dark", "bright"), IMAGE, _by_brightness)
    seen: list[tuple[int, int]] = []
    logits = predict_dataset(model, data, batch=10, progress=lambda *now: seen.append(now))
    assert cast(_Model, model).batches == [10, 10, 5]
    assert seen == [(10, 25), (20, 25), (25, 25)]
    assert logits.argmax(axis=1).tolist() == [0] * 13 + [1] * 12
    backwards = predict_dataset(model, data, indices=np.arange(25)[::-1])
    assert (backwards == logits[::-1]).all()


def test_memory_is_bounded():
    """A set of large pictures is read in parts, however many it holds."""
    asked: list[int] = []

    class _Large:
        info = DatasetInfo("large", "test", (), "0" * 64, "drawn", "CC0-1.0")
        targets = groups = None

        def __len__(self):
            return 500

        def inputs(self, spec, indices=None):
            asked.append(len(indices))
            return {"input": np.broadcast_to(np.float32(0), (len(indices), *spec.shape))}

    spec = ImageInput(height=512, width=512, colour="gray")
    total = sum(len(b["input"]) for b in input_batches(_Large(), spec, batch=8))
    assert total == 500
    assert max(asked) <= 16


def test_matched_targets_index_the_models_labels():
    data = _beats([2, 4, 0], [0, 0, 0], ["a"] * 3)
    metadata = ModelMetadata(name="t", task="classify", labels=("V", "N"), input=BEAT)
    indices, targets, note = matched_targets(data, metadata)
    assert indices.tolist() == [0, 2]
    assert targets.tolist() == [0, 1]
    assert note == "1 beats of class Q left out"


@pytest.mark.data
def test_mnist_is_read_whole(data_root: Path):
    from edgecnn.data import open_dataset

    data = open_dataset("mnist:test")
    spec = ImageInput(height=28, width=28, colour="gray")
    model = _model(tuple("0123456789"), spec, lambda x: np.ones(len(x["input"]), int))
    accuracy = evaluate_model(model, data, batch=500)
    assert accuracy.n == 10_000
    assert accuracy.value == 0.1135
    assert accuracy.per_class["1"].sensitivity == 1.0


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "data", "least"),
    [
        ("ecg-beats", "mitdb:ds2", 0.87),
        ("ecg-beats.int8", "mitdb:ds2", 0.87),
        ("mnist-lenet5", "mnist:test", 0.992),
    ],
)
def test_bundled_files_are_as_good_as_they_say(data_root, name, data, least):
    model = load_model(f"bundled:{name}", provider="cpu")
    measured = evaluate_model(model, open_dataset(data))
    said = [a for a in model.measured.accuracy if f"{a.dataset}:{a.split}" == data]
    assert [a.n for a in said] == [measured.n]
    assert measured.metric == said[0].metric
    assert measured.value >= least
    # The 8-bit files are made for VNNI; without it pairs of products overflow.
    exact = not name.endswith(".int8") or this_machine() == "x86-vnni"
    assert measured.value == pytest.approx(said[0].value, abs=2e-3 if exact else 2e-2)


@pytest.mark.parametrize(("side", "most"), [(32, 64), (224, 6), (1024, 1)])
def test_large_inputs_go_through_few_at_a_time(side, most):
    """What a network holds inside grows with the batch: all of 64 photos took 300 MB more."""
    spec = ImageInput(height=side, width=side, colour="rgb")
    rows = []

    def run(inputs):
        rows.append(len(inputs["input"]))
        return np.zeros((rows[-1], 2), np.float32)

    labels = ("a", "b")
    contract = ModelMetadata(name="n", task="classify", labels=labels, input=spec)
    info = DatasetInfo("d", "test", labels, "0" * 64, "", "")
    pictures = PictureArray(info, np.zeros((most + 1, 8, 8), np.uint8), None)
    predict_dataset(SimpleNamespace(metadata=contract, run=run), pictures)
    assert rows == [most, 1]
