import pytest

from edgecnn.cli.run import run
from edgecnn.errors import ModelError
from edgecnn.runtime.session import load_model
from edgecnn.runtime.warm_up import warm_up


@pytest.mark.parametrize("name", ["mnist-lenet5", "ecg-beats", "digits-yolo.int8"])
def test_one_run_is_timed(name, monkeypatch):
    model = load_model(f"bundled:{name}", provider="cpu", check=False)
    shapes = []
    plain = type(model).run

    def counted(self, inputs):
        shapes.append({key: array.shape for key, array in inputs.items()})
        return plain(self, inputs)

    monkeypatch.setattr(type(model), "run", counted)
    assert warm_up(model) > 0
    assert shapes == [{key: (1, *shape) for key, shape in model.metadata.input.tensors.items()}]


def test_a_network_that_fails_on_such_numbers_has_no_warm_up(monkeypatch):
    model = load_model("bundled:mnist-lenet5", provider="cpu", check=False)

    def fails(self, inputs):
        raise ModelError("it failed on an input")

    monkeypatch.setattr(type(model), "run", fails)
    assert warm_up(model) is None


def test_live_tells_apart_what_opening_and_the_first_run_took(capsys):
    source = "test:?frames=2&pace=free"
    assert run(["live", "bundled:mnist-lenet5", "--source", source, "--headless"]) == 0
    told = capsys.readouterr().err
    assert " ms to open and check, " in told
    assert " ms for a first run" in told
