"""Tiny data and recipes that train in a second."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

RECIPE = """
name = "tiny"
title = "rings and crosses"

[model]
name = "lenet5"
arguments = {{ dropout = 0.1 }}

[data]
train = "{folder}/train"
test = "{folder}/test"
validation = 0.2

[input]
kind = "image"
height = 28
width = 28
colour = "gray"
mean = [0.1]
std = [0.3]

[augment]
kind = "image"
rotate_deg = 10.0
shift = 0.05
flip = true

[train]
epochs = 4
batch = 16
peak_rate = 0.05
ema_decay = 0.9
weight_decay = 1e-4
seed = 5
"""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Keep PyTorch on one thread, as other tests want the other core."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rings and crosses as pictures in class folders: 80 to train on, 40 to test."""
    folder = tmp_path_factory.mktemp("drawings")
    generator = np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 20)):
        for label in ("cross", "ring"):
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(count):
                picture = np.zeros((28, 28), np.uint8)
                x, y = (int(v) for v in generator.integers(10, 18, 2))
                if label == "ring":
                    cv2.circle(picture, (x, y), 7, 255, 2)
                else:
                    cv2.line(picture, (x - 6, y - 6), (x + 6, y + 6), 255, 2)
                    cv2.line(picture, (x - 6, y + 6), (x + 6, y - 6), 255, 2)
                noisy = picture + generator.integers(0, 40, picture.shape)
                cv2.imwrite(str(place / f"{number:02}.png"), np.clip(noisy, 0, 255))
    return folder


@pytest.fixture
def tiny(drawings: Path, tmp_path: Path) -> Path:
    """The recipe file of a training that takes a second."""
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(folder=drawings))
    return path
