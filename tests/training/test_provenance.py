from __future__ import annotations

import subprocess
from pathlib import Path

import edgecnn
from edgecnn.data import open_dataset
from edgecnn.metadata import decode_metadata, encode
from edgecnn.models import create_model
from edgecnn.training.provenance import describe_revision, make_metadata
from edgecnn.training.recipe import load_recipe


def test_the_contract_is_that_of_the_recipe(drawings: Path) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=("train.seed=9",))
    dataset = open_dataset(drawings / "train")
    uses = [dataset.info.use("train", 60), dataset.info.use("validation", 20)]
    module = create_model("lenet5", classes=2)
    metadata = make_metadata(recipe, ("cross", "ring"), recipe.input, module, uses)
    assert metadata.input == recipe.input
    assert metadata.provenance.seed == 9
    assert metadata.provenance.parameters == sum(
        p.numel() for p in create_model("lenet5", classes=2).parameters()
    )
    assert metadata.provenance.attribution == "the user's own pictures"
    assert metadata.provenance.datasets[0].sha256 == dataset.info.sha256
    assert decode_metadata(encode(metadata)) == metadata


def test_the_revision_is_git_s_own_or_nothing() -> None:
    repository = Path(edgecnn.__file__).parents[1]
    command = ["git", "-C", str(repository), "rev-parse", "--short", "HEAD"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if (repository / ".git").exists() and asked.returncode == 0:
        assert describe_revision().startswith(asked.stdout.strip()[:7])
    else:
        assert describe_revision() == ""
