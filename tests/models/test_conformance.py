"""What every registered network must do; a new one is tested by a class of two lines."""

from __future__ import annotations

import inspect

import pytest
import torch

from edgecnn.models import architecture, create_model, model_names


class Conformance:
    """Subclasses name an architecture and its number of parameters."""

    name: str
    parameters: int

    def inputs(self, count: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        shapes = architecture(self.name).inputs
        return {k: torch.randn(count, *shape, generator=generator) for k, shape in shapes.items()}

    def test_parameters(self) -> None:
        assert architecture(self.name).count_parameters() == self.parameters

    def test_fp32_file_stays_below_two_megabytes(self) -> None:
        assert 4 * self.parameters < 2_000_000

    def test_inputs_are_the_arguments_of_forward(self) -> None:
        model = create_model(self.name)
        assert list(inspect.signature(model.forward).parameters) == list(self.inputs(1))

    @pytest.mark.parametrize("classes", [2, 7])
    def test_logits_per_class(self, classes: int) -> None:
        model = create_model(self.name, classes=classes).eval()
        assert model(**self.inputs(3)).shape == (3, classes)

    def test_an_answer_does_not_depend_on_its_neighbours(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name).eval()
        inputs = self.inputs(4)
        alone = model(**{name: x[2:3] for name, x in inputs.items()})
        torch.testing.assert_close(model(**inputs)[2:3], alone, rtol=1e-4, atol=1e-5)

    def test_every_parameter_learns(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name).train()
        logits = model(**self.inputs(8))
        torch.nn.functional.cross_entropy(logits, torch.arange(8) % logits.shape[1]).backward()
        silent = [name for name, p in model.named_parameters() if p.grad is None]
        assert silent == []

    def test_it_overfits_a_few_examples(self) -> None:
        torch.manual_seed(0)
        model = create_model(self.name, classes=2).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        inputs, targets = self.inputs(16), torch.arange(16) % 2
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(40):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(**inputs), targets)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.1


class TestLeNet5(Conformance):
    name, parameters = "lenet5", 61_706


class TestResNet9(Conformance):
    name, parameters = "resnet9", 404_618


class TestBeatNet(Conformance):
    name, parameters = "beat-net", 30_500


def test_every_network_is_tested() -> None:
    tested = {kind.name for kind in Conformance.__subclasses__()}
    assert tested == set(model_names())
