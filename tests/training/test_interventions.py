"""Trainings that a person had a hand in: kept, resumed and told as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgecnn.cli.run import run
from edgecnn.metadata import Intervention
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.controls import Controls
from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher

CHANGES = (
    Intervention(epoch=1, step=3, setting="rate_factor", before=1.0, after=0.5),
    Intervention(epoch=2, step=1, setting="batch", before=16, after=8),
    Intervention(epoch=3, step=2, setting="momentum", before=0.9, after=0.6),
    Intervention(epoch=3, step=2, setting="weight_decay", before=1e-4, after=0.01),
)


class Hand(Watcher):
    """Turns the knobs at the same steps of every training; may end one."""

    def __init__(self, controls: Controls, *, until: tuple[int, int] | None = None) -> None:
        self._controls = controls
        self._until = until

    def step(self, epoch: int, step: int, loss: float) -> None:
        if (epoch, step) == (1, 2):
            self._controls.change("rate_factor", 0.5)
            self._controls.change("batch", 8)
        if (epoch, step) == (3, 1):
            self._controls.change("momentum", 0.6)
            self._controls.change("weight_decay", 0.01)
        if (epoch, step) == self._until:
            raise KeyboardInterrupt


def test_interrupted_and_resumed_equals_uninterrupted(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny)
    controls = Controls()
    whole = train_recipe(recipe, tmp_path / "whole", watcher=Hand(controls), controls=controls)
    assert whole.interventions == CHANGES
    for until in ((2, 3), (4, 2)):
        controls = Controls()
        with pytest.raises(KeyboardInterrupt):
            train_recipe(
                recipe,
                tmp_path / "parts",
                resume=True,
                watcher=Hand(controls, until=until),
                controls=controls,
            )
    # Nobody is there to turn the knobs again; what was done in whole epochs is in force.
    parts = train_recipe(recipe, tmp_path / "parts", resume=True)
    assert parts.interventions == CHANGES
    weights = [(tmp_path / n / "checkpoint.safetensors").read_bytes() for n in ("whole", "parts")]
    assert weights[0] == weights[1]
    untouched = train_recipe(recipe, tmp_path / "untouched")
    assert untouched.interventions == ()
    assert (tmp_path / "untouched/checkpoint.safetensors").read_bytes() != weights[0]


def test_a_change_of_an_epoch_that_was_cut_short_goes_with_it(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny)
    controls = Controls()
    with pytest.raises(KeyboardInterrupt):
        train_recipe(
            recipe, tmp_path / "run", watcher=Hand(controls, until=(3, 4)), controls=controls
        )
    assert train_recipe(recipe, tmp_path / "run", resume=True).interventions == CHANGES[:2]


def test_the_checkpoint_and_the_exported_file_tell_it(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    controls = Controls()
    train_recipe(load_recipe(tiny), tmp_path / "run", watcher=Hand(controls), controls=controls)
    assert load_checkpoint(tmp_path / "run").metadata.provenance.interventions == CHANGES
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["interventions"][1] == {
        **{"epoch": 2, "step": 1, "setting": "batch", "before": 16.0, "after": 8.0}
    }
    out = tmp_path / "tiny.onnx"
    assert run(["export", str(tmp_path / "run"), "-o", str(out)]) == 0
    capsys.readouterr()
    assert run(["inspect", str(out)]) == 0
    told = capsys.readouterr().out
    assert "4 settings by hand while it trained: the recipe alone does not repeat it" in told
    assert "epoch 3, step 2: weight_decay 0.0001 to 0.01" in told
