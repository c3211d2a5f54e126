"""A detector's part of the contract."""

import msgspec
import pytest

from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output, decode_metadata, encode


def test_it_survives_the_file():
    boxes = Boxes(decoder="yolox", strides=(8, 16, 32), max_overlap=0.6, limit=20)
    contract = ModelMetadata(
        name="x",
        task="detect",
        labels=("cat",),
        input=ImageInput(
            height=32, width=32, colour="bgr", resize="letterbox", align="top-left", pad_value=114
        ),
        output=Output(activation="none", min_score=0.3, boxes=boxes),
    )
    assert decode_metadata(encode(contract)) == contract


def test_strides_belong_to_decoders_that_need_them():
    with pytest.raises(ValueError, match="yolox needs strides"):
        Boxes(decoder="yolox")
    with pytest.raises(ValueError, match="yolov8 takes no strides"):
        Boxes(decoder="yolov8", strides=(8,))


@pytest.mark.parametrize(
    "change", [{"max_overlap": 1.2}, {"limit": 0}, {"per_cell": 0}, {"decoder": "yolo9000"}]
)
def test_impossible_values_are_refused(change):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"decoder": "yolo-v1"} | change, Boxes)


def test_boxes_and_the_task_belong_together():
    spec = ImageInput(height=32, width=32, colour="rgb")
    with pytest.raises(ValueError, match=r"output\.boxes belongs to the task detect"):
        ModelMetadata(name="x", task="detect", labels=("cat",), input=spec)
    output = Output(boxes=Boxes(decoder="yolo-v1"))
    with pytest.raises(ValueError, match=r"output\.boxes belongs to the task detect"):
        ModelMetadata(name="x", task="classify", labels=("cat",), input=spec, output=output)
