from __future__ import annotations

import json

import pytest

from edgecnn.bundled import bundled_models
from edgecnn.cli.run import run
from edgecnn.models import model_names


def test_networks_and_bundled_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    told = capsys.readouterr().out
    assert "lenet5        61,706" in told
    for name in (*model_names(), *bundled_models()):
        assert name in told


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    counts = {entry["name"]: entry["parameters"] for entry in told["architectures"]}
    assert counts["lenet5"] == 61_706
    assert set(counts) == set(model_names())
    assert [file["name"] for file in told["bundled"]] == [f"bundled:{n}" for n in bundled_models()]
    assert all(0 < file["size_bytes"] < 2_000_000 for file in told["bundled"])
