import cv2
import numpy as np
import onnx
import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.picture_batches import PictureBatches, takes_batches
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(61):
        size = (32, 32) if number % 3 else (40, 56)
        cv2.imwrite(str(folder / f"{number:02}.png"), random.integers(0, 255, (*size, 3), np.uint8))
    (folder / "30.png").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:cifar10-resnet", provider="cpu", threads=1)


def test_batches_answer_as_one_by_one(model, folder):
    files = sorted(folder.iterdir())
    single = list(PictureBatches(model, batch=1).answer(files))
    for batch in (8, 64):
        several = list(PictureBatches(model, batch=batch).answer(files))
        assert [each.file for each in several] == files
        for one, other in zip(single, several, strict=True):
            assert (one.error is None) == (other.error is None) == (one.file.name != "30.png")
            if one.result is not None:
                assert one.result.label == other.result.label
                assert one.result.score == pytest.approx(other.result.score, abs=1e-5)
                assert other.latency_ms > 0


def test_the_network_gets_as_many_at_once_as_asked_for(model, folder, monkeypatch):
    sizes = []
    run = type(model).run

    def counted(self, inputs):
        sizes.append(len(inputs["input"]))
        return run(self, inputs)

    monkeypatch.setattr(type(model), "run", counted)
    list(PictureBatches(model, batch=16).answer(sorted(folder.iterdir())))
    assert sizes == [16, 15, 16, 13]
    sizes.clear()
    said = []
    batches = PictureBatches(model, say=said.append)
    # Enough for three batches of every size, should each be quicker than the one before.
    list(batches.answer([*folder.iterdir()] * 14))
    assert sizes[:4] == [1, 1, 1, 2]
    (text,) = said
    assert "ms a picture" in text


def test_none_is_missed_when_a_smaller_size_is_settled_for(model, folder, monkeypatch):
    from edgecnn.runtime.batch_size import BatchSize

    took = BatchSize.took
    monkeypatch.setattr(
        BatchSize, "took", lambda self, n, _: took(self, n, 0.001 * n + (0 if n < 8 else 1))
    )
    files = sorted(folder.iterdir()) * 2
    answers = list(PictureBatches(model).answer(files))
    assert [each.file for each in answers] == files


def test_a_model_that_takes_one_picture_at_a_time(picture_model, folder, tmp_path):
    fixed = onnx.load(picture_model)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(fixed, tmp_path / "fixed.onnx")
    model = load_model(tmp_path / "fixed.onnx", provider="cpu")
    assert not takes_batches(model)
    with pytest.raises(UsageError, match="takes one picture at a time, not 8"):
        PictureBatches(model, batch=8)
    assert len(list(PictureBatches(model).answer([folder / "00.png"] * 5))) == 5


def test_one_that_the_network_fails_on_does_not_spoil_its_batch(model, folder, monkeypatch):
    from edgecnn.errors import ModelError

    run = type(model).run
    files = sorted(folder.iterdir())[:8]
    worst = PictureBatches(model)._read(files[5]).inputs["input"]

    def picky(self, inputs):
        if any(np.array_equal(each, worst[0]) for each in inputs["input"]):
            raise ModelError("it failed on an input")
        return run(self, inputs)

    monkeypatch.setattr(type(model), "run", picky)
    answers = list(PictureBatches(model, batch=8).answer(files))
    assert [each.error is None for each in answers] == [True] * 5 + [False] + [True] * 2
