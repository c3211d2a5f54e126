"""Kernels as files: what ONNX Runtime makes of pictures, beside OpenCV's filter2D."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.folder import open_folder
from edgecnn.errors import GoldenError, ImageError, ModelError, UsageError
from edgecnn.metadata import decode_metadata, encode
from edgecnn.models.kernel_file import export_kernel
from edgecnn.models.kernels import KERNELS, parse_kernel
from edgecnn.preprocessing.image import image_tensor
from edgecnn.runtime.predict import predict_files
from edgecnn.runtime.session import Model, load_model


def answered(model: Model, picture: NDArray[np.uint8], folder: Path) -> NDArray[np.uint8]:
    """Send a picture file through a model as `edgecnn predict` does."""
    cv2.imwrite(str(folder / "in.png"), picture)
    (prediction,) = predict_files(model, [folder / "in.png"])
    assert prediction.error is None
    assert prediction.result is not None
    assert prediction.result.draw is not None
    return prediction.result.draw()


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """A drawn picture with flat parts, edges and noise."""
    picture = np.random.default_rng(1).integers(90, 110, (height, width, 3), dtype=np.uint8)
    cv2.rectangle(picture, (width // 5, height // 4), (width // 2, height - 9), (20, 200, 250), -1)
    cv2.circle(picture, (2 * width // 3, height // 2), height // 4, (255, 255, 255), -1)
    cv2.line(picture, (0, 0), (width, height), (0, 0, 0), 3)
    return picture


@pytest.mark.parametrize("name", ["identity", "gaussian-blur", "sobel-x", "unsharp"])
def test_named_kernel_is_filter2d(name: str, tmp_path: Path) -> None:
    export_kernel(name, tmp_path / "k.onnx")
    model = load_model(tmp_path / "k.onnx", provider="cpu")
    assert model.warnings == ()
    kernel = KERNELS[name]
    picture = scene(121, 161)
    wanted = cv2.filter2D(picture, -1, np.array(kernel.matrix, np.float32), delta=kernel.offset)
    found = answered(model, picture, tmp_path)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    # A kernel that does nothing would pass for identity only.
    assert (np.abs(found.astype(int) - picture).mean() > 1) == (name != "identity")


@pytest.fixture(scope="module")
def sharpen(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("kernel") / "sharpen.onnx"
    report = export_kernel("sharpen", path)
    assert report.golden >= 3
    assert report.parity.top1_agreement is None
    return load_model(path, provider="cpu")


@pytest.mark.parametrize("size", [(2, 2), (24, 32), (33, 500), (720, 1280)])
def test_any_size(sharpen: Model, size: tuple[int, int], tmp_path: Path) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8)
    matrix = np.array(KERNELS["sharpen"].matrix, np.float32)
    np.testing.assert_array_equal(
        answered(sharpen, picture, tmp_path), cv2.filter2D(picture, -1, matrix)
    )


def test_contract(sharpen: Model) -> None:
    contract = sharpen.metadata
    assert decode_metadata(encode(contract)) == contract
    assert (contract.task, contract.labels) == ("image-to-image", ())
    assert contract.provenance.settings == {
        "kernel": "0 -1 0; -1 5 -1; 0 -1 0",
        "border": "reflect",
        "stride": 1,
    }
    assert [value.shape for value in sharpen.session.get_inputs()] == [
        ["batch", 3, "height", "width"]
    ]


def test_grey_stride_and_no_border(tmp_path: Path) -> None:
    export_kernel("edges", tmp_path / "k.onnx", colour="gray", border="none", stride=2)
    model = load_model(tmp_path / "k.onnx", provider="cpu")
    picture = scene(60, 81)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    wanted = cv2.filter2D(grey, -1, np.array(KERNELS["edges"].matrix, np.float32))[1:-1:2, 1:-1:2]
    found = answered(model, picture, tmp_path)
    assert found.shape == (29, 40, 3)
    np.testing.assert_array_equal(found[:, :, 0], wanted)
    np.testing.assert_array_equal(found[:, :, 0], found[:, :, 2])


def test_own_matrix_and_offset(tmp_path: Path) -> None:
    text = "0.1 0.2 -0.3; 0 1/3 0"
    export_kernel(text, tmp_path / "k.onnx", border="replicate", colour="rgb", offset=64.0)
    model = load_model(tmp_path / "k.onnx", provider="cpu")
    assert model.metadata.name == "kernel-2x3"
    picture = scene(50, 70)
    matrix = np.array(parse_kernel(text).matrix, np.float32)
    wanted = cv2.filter2D(picture, -1, matrix, delta=64, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(answered(model, picture, tmp_path).astype(int) - wanted).max() <= 1


def test_sums_that_cancel_out_are_no_fault(tmp_path: Path) -> None:
    """On plain ground the sum is zero but for rounding, which grows with the weights."""
    report = export_kernel("100 200 -300; 0.1 0.7 -0.8", tmp_path / "k.onnx")
    assert report.parity.atol > 0.1


def test_another_kernel_is_found_out(sharpen: Model, tmp_path: Path) -> None:
    """The golden pictures know what the weights were."""
    proto = onnx.load(sharpen.path)
    (weights,) = [t for t in proto.graph.initializer if "weight" in t.name]
    changed = onnx.numpy_helper.to_array(weights) * np.float32(1.5)
    weights.CopyFrom(onnx.numpy_helper.from_array(changed, weights.name))
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(GoldenError, match="grey levels off"):
        load_model(tmp_path / "other.onnx", provider="cpu")


def test_picture_too_small_for_the_kernel(sharpen: Model, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    (prediction,) = predict_files(sharpen, [tmp_path / "dot.png"])
    assert isinstance(prediction.error, ModelError)
    assert "failed on an input" in prediction.error.message


def test_batch(sharpen: Model) -> None:
    spec = sharpen.metadata.input
    pictures = [np.full((8, 9, 3), level, np.uint8) for level in (0, 90, 255)]
    batch = np.stack([image_tensor(picture, spec) for picture in pictures])  # type: ignore[arg-type]
    levels = sharpen.run({"input": batch})
    assert levels[:, 0, 4, 4].tolist() == [0, 90, 255]


@pytest.mark.parametrize(
    "arguments", [{"kernel": "sharpn"}, {"border": "wrap"}, {"colour": "cmyk"}, {"offset": np.inf}]
)
def test_nothing_is_written_for_what_does_not_hold(
    arguments: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        export_kernel(**({"kernel": "edges", "path": tmp_path / "k.onnx"} | arguments))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_eight_bits(sharpen: Model, tmp_path: Path) -> None:
    """Calibrated on pictures of one size, run on another: a few grey levels off."""
    (tmp_path / "photos").mkdir()
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 256, (24, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), picture)
    photos = open_folder(tmp_path / "photos")
    quantize_model(
        sharpen.path, tmp_path / "k.int8.onnx", photos, samples=4, seconds=0.05, allow_slower=True
    )
    model = load_model(tmp_path / "k.int8.onnx", provider="cpu")
    picture = scene(61, 90)
    off = answered(model, picture, tmp_path).astype(int) - answered(sharpen, picture, tmp_path)
    assert np.abs(off).mean() < 5


def test_calibration_pictures_of_different_sizes(sharpen: Model, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for side in (20, 30):
        cv2.imwrite(str(tmp_path / "photos" / f"{side}.png"), np.zeros((side, side, 3), np.uint8))
    with pytest.raises(ImageError, match="different sizes are no batch"):
        quantize_model(sharpen.path, tmp_path / "k.int8.onnx", open_folder(tmp_path / "photos"))
    assert not (tmp_path / "k.int8.onnx").exists()
