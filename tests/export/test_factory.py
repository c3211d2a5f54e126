from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from edgecnn.errors import MissingFileError, ModelError, UsageError
from edgecnn.export.factory import build_module, load_weights


@pytest.fixture
def small() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2))


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    name = f"net_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(
        "from torch import nn\n"
        "def build(): return nn.Linear(4, 2)\n"
        "def failing(): raise KeyError('no such option')\n"
        "def number(): return 3\n"
        "constant = 5\n"
    )
    (tmp_path / "name").write_text(name)
    return tmp_path


def _name(folder: Path) -> str:
    return (folder / "name").read_text()


def test_factory_in_a_folder(folder):
    assert isinstance(build_module(f"{_name(folder)}:build", folder=folder), nn.Linear)


def test_class_of_an_installed_package():
    assert isinstance(build_module("torch.nn:Identity"), nn.Identity)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nothing", "has no factory nothing"),
        ("constant", "has no factory constant"),
        ("failing", "fails: KeyError: 'no such option'"),
        ("number", "returns int, not a torch.nn.Module"),
    ],
)
def test_factory_that_is_none(folder, factory, message):
    with pytest.raises(ModelError, match=message):
        build_module(f"{_name(folder)}:{factory}", folder=folder)


def test_module_that_does_not_exist_or_is_broken(tmp_path):
    with pytest.raises(ModelError, match="cannot import no_such_thing"):
        build_module("no_such_thing:build", folder=tmp_path)
    (tmp_path / "broken_net.py").write_text("def (")
    with pytest.raises(ModelError, match="cannot import broken_net: SyntaxError"):
        build_module("broken_net:build", folder=tmp_path)
    for source in ("just_a_name", ":build", "module:"):
        with pytest.raises(UsageError, match="not a network"):
            build_module(source)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_weights_come_back(small, tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    state = {name: torch.randn_like(value) for name, value in small.state_dict().items()}
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    load_weights(small, path)
    assert all(torch.equal(value, state[name]) for name, value in small.state_dict().items())


def test_weights_in_a_trainings_checkpoint(small, tmp_path):
    state = {name: torch.randn_like(value) for name, value in small.state_dict().items()}
    optimizer = torch.optim.SGD(small.parameters(), lr=0.1, momentum=0.9).state_dict()
    path = tmp_path / "last.pt"
    torch.save({"epoch": 3, "state_dict": state, "optimizer": optimizer}, path)
    load_weights(small, path)
    assert all(torch.equal(value, state[name]) for name, value in small.state_dict().items())
    torch.save({"model": state, "ema": state}, path)
    with pytest.raises(ModelError, match=r"several state dictionaries \(model, ema\)"):
        load_weights(small, path)


class _Trap:
    def __reduce__(self):
        return (Path.touch, (Path("trap-was-sprung"),))


def test_pickle_is_refused_and_not_run(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"1.weight": _Trap()}, tmp_path / "w.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(_Trap()))
    torch.save(small, tmp_path / "whole.pt")
    for name in ("w.pt", "plain.pt", "whole.pt"):
        with pytest.raises(ModelError, match="more than weights"):
            load_weights(small, tmp_path / name)
    assert not (tmp_path / "trap-was-sprung").exists()


def test_weights_that_do_not_fit(small, tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"1.weight": torch.zeros(2, 4), "9.bias": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match=r"1 missing, first 1\.bias; 1 unknown, first 9\.bias"):
        load_weights(small, path)
    safetensors.torch.save_file({"1.weight": torch.zeros(2, 5), "1.bias": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match=r"1\.weight has shape \(2, 5\), not \(2, 4\)"):
        load_weights(small, path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_that_cannot_be_read(small, tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    with pytest.raises(MissingFileError, match="no such weights"):
        load_weights(small, path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError):
        load_weights(small, path)
    path.write_bytes(b"")
    with pytest.raises(ModelError):
        load_weights(small, path)


def test_list_of_tensors_is_no_state(small, tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "w.pt")
    with pytest.raises(ModelError, match="no state dictionary"):
        load_weights(small, tmp_path / "w.pt")


def test_unknown_kind_of_weights(small, tmp_path):
    (tmp_path / "w.h5").write_bytes(b"x")
    with pytest.raises(UsageError, match="unknown kind"):
        load_weights(small, tmp_path / "w.h5")
