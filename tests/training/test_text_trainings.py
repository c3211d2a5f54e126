"""What the bundled text recipes reach in a part of their time, on the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe


@pytest.mark.data
def test_rt_polarity_in_three_epochs(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    overrides = ("train.epochs=3", "train.peak_rate=4e-3", "model.arguments.maps=16")
    summary = train_recipe(load_recipe("rt-polarity-cnn", overrides=overrides), tmp_path / "run")
    assert summary.test is not None
    assert summary.test.value > 0.70


@pytest.mark.long
@pytest.mark.data
def test_rt_polarity_to_the_end(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    summary = train_recipe(load_recipe("rt-polarity-cnn"), tmp_path / "run")
    assert summary.test is not None
    assert summary.test.value >= 0.75


@pytest.mark.long
@pytest.mark.data
def test_shakespeare_in_four_epochs(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    recipe = load_recipe("shakespeare-lstm", overrides=("train.epochs=4",))
    summary = train_recipe(recipe, tmp_path / "run")
    assert summary.test is not None
    assert summary.test.value <= 1.70
