"""Networks and pictures for `benchmarks.quantize`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx

from edgecnn.data.folder import PictureFolder, open_folder
from edgecnn.export.embed import embed
from edgecnn.metadata import ImageInput, ModelMetadata, Output
from edgecnn.preprocessing.tensors import Tensors

#: How torchvision's networks see a picture.
IMAGENET = ImageInput(
    height=224,
    width=224,
    colour="rgb",
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    resize="crop",
    shorter_side=256,
)


def seeded_network(name: str, folder: Path) -> Path:
    """Export a network with weights of seed 0, its normalisations settled on noise."""
    import torch

    from edgecnn.export.exporter import export_model
    from edgecnn.models import create_model

    torch.manual_seed(0)
    module = create_model(name)
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(torch.randn(4, 3, 224, 224))
    labels = tuple(f"class {number}" for number in range(1000))
    metadata = ModelMetadata(name=name, task="classify", labels=labels, input=IMAGENET)
    path = folder / f"{name}.onnx"
    export_model(module.eval(), metadata, noise(3), path)
    return path


def noise(count: int) -> Tensors:
    """Return inputs of normal noise."""
    random = np.random.default_rng(0)
    return {"input": random.standard_normal((count, 3, 224, 224), dtype=np.float32)}


def real_mobilenet(data: Path, folder: Path) -> Path:
    """Give the trained MobileNetV2 of the data folder a contract, with WNIDs as labels."""
    model = onnx.load_model(data / "models" / "mobilenetv2_fp32_dequantised.onnx")
    metadata = ModelMetadata(
        name="mobilenet-v2",
        task="classify",
        labels=wnids(data),
        input=IMAGENET,
        output=Output(name="output"),
    )
    path = folder / "mobilenet-v2-trained.onnx"
    onnx.save_model(embed(model, metadata), path)
    return path


def wnids(data: Path) -> tuple[str, ...]:
    """Return ImageNet's classes in their order."""
    lines = (data / "imagenet-samples" / "synset_words.txt").read_text().splitlines()
    return tuple(line.split()[0] for line in lines)


def photos(data: Path) -> PictureFolder:
    """Return the 200 labelled photos: test data, on which nothing is chosen."""
    folder = Path(tempfile.mkdtemp(prefix="edgecnn-photos-"))
    for picture in sorted((data / "imagenet-samples").glob("*.JPEG")):
        place = folder / picture.name.partition("_")[0]
        place.mkdir(exist_ok=True)
        (place / picture.name).symlink_to(picture)
    return open_folder(folder, labels=wnids(data))


def other_photos(data: Path) -> PictureFolder:
    """Return photos of other things, without labels, to calibrate on."""
    return open_folder(data / "captions" / "images")
