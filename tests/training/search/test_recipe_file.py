from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.training.recipe import load_recipe, recipe_names
from edgecnn.training.search.recipe_file import recipe_toml


@pytest.mark.parametrize("name", recipe_names())
def test_every_bundled_recipe_reads_back_the_same(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    path = tmp_path / "written.toml"
    path.write_text(recipe_toml(recipe, remarks=["one", "two\nthree"]))
    assert path.read_text().startswith("# one\n# two\n# three\nname = ")
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    "overrides",
    [
        ("train.peak_rate=1e-05", "train.step_at=[0.25, 0.5]", "data.limit=7"),
        ('title="a \\"quote\\", a \\\\, an ü and a 🙂"',),
        ('transfer.source="runs/a b"', "transfer.train_stages=0"),
        ("model.arguments.dropout=0.25", "augment.flip=true"),
    ],
)
def test_changed_values_read_back_the_same(overrides: tuple[str, ...], tmp_path: Path) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=overrides)
    path = tmp_path / "written.toml"
    path.write_text(recipe_toml(recipe))
    assert load_recipe(path) == recipe


def test_defaults_are_left_out() -> None:
    text = recipe_toml(load_recipe("mnist-lenet5"))
    assert "peak_rate = 0.1" in text
    assert "patience" not in text
    assert "[output]" not in text
