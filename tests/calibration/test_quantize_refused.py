"""What is refused before any work, and leaves no file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError, MetadataError, MissingFileError, ModelError, UsageError
from tests.calibration.quick import QUICK


def test_8_bits_on_cuda_are_refused(fp32, calibration, tmp_path):
    with pytest.raises(UsageError, match="TensorRT"):
        quantize_model(
            fp32, tmp_path / "o.onnx", calibration, target="cuda", form="static", **QUICK
        )
    assert not list(tmp_path.iterdir())


def test_already_quantized(quantized, calibration, tmp_path):
    with pytest.raises(ModelError, match="is quantized already"):
        quantize_model(quantized[0], tmp_path / "o.onnx", calibration, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_model_without_metadata_or_without_a_file(fp32, calibration, tmp_path):
    bare = onnx.load(fp32)
    del bare.metadata_props[:]
    onnx.save(bare, tmp_path / "bare.onnx")
    with pytest.raises(MetadataError, match="no edgecnn metadata"):
        quantize_model(tmp_path / "bare.onnx", tmp_path / "o.onnx", calibration)
    with pytest.raises(MissingFileError):
        quantize_model(tmp_path / "none.onnx", tmp_path / "o.onnx", calibration)


def _empty(info: DatasetInfo) -> PictureArray:
    return PictureArray(info, np.empty((0, 20, 20), np.uint8), np.empty(0, np.int64))


def test_no_samples(fp32, calibration, tmp_path):
    with pytest.raises(DataError, match="no calibration samples"):
        quantize_model(fp32, tmp_path / "o.onnx", _empty(calibration.info))
    with pytest.raises(DataError, match="no calibration samples"):
        quantize_model(fp32, tmp_path / "o.onnx", calibration, samples=0)


class _Tensors:
    """A dataset that gives the same tensors whatever it is asked for."""

    targets = groups = None

    def __init__(self, info, tensors):
        self.info = info
        self.tensors = tensors

    def __len__(self):
        return len(next(iter(self.tensors.values())))

    def inputs(self, spec, indices=None):
        return {name: x[indices] for name, x in self.tensors.items()}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"input": np.zeros((9, 3, 16, 16), np.float32)}, "the model reads"),
        ({"beat": np.zeros((9, 2, 100), np.float32)}, "the model reads"),
        ({"input": np.full((9, 1, 16, 16), np.nan, np.float32)}, "not finite"),
    ],
)
def test_data_of_another_kind(fp32, calibration, tmp_path, tensors, message):
    with pytest.raises(DataError, match=message):
        quantize_model(fp32, tmp_path / "o.onnx", _Tensors(calibration.info, tensors))
    assert list(tmp_path.iterdir()) == []


def test_evaluation_data_is_refused_before_the_work(fp32, calibration, tmp_path):
    unlabelled = PictureArray(calibration.info, calibration.pictures, None)
    told: list[str] = []
    with pytest.raises(DataError, match="no labels"):
        quantize_model(
            fp32,
            tmp_path / "o.onnx",
            calibration,
            evaluate=unlabelled,
            progress=lambda stage, done, total: told.append(stage),
        )
    assert told == []


def test_settings_that_do_not_exist(fp32, calibration, tmp_path):
    with pytest.raises(UsageError, match="unknown method"):
        quantize_model(fp32, tmp_path / "o.onnx", calibration, method="guess")
    with pytest.raises(UsageError, match="unknown type"):
        quantize_model(fp32, tmp_path / "o.onnx", calibration, activations="int4")
    with pytest.raises(UsageError, match="no node no_such_node"):
        quantize_model(fp32, tmp_path / "o.onnx", calibration, exclude=["no_such_node"])


def test_fp32_file_is_not_overwritten(fp32, calibration):
    before = fp32.read_bytes()
    with pytest.raises(UsageError, match="is the FP32 file itself"):
        quantize_model(fp32, fp32.parent / "x" / ".." / fp32.name, calibration)
    assert fp32.read_bytes() == before
