from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import Sentences
from edgecnn.errors import UsageError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ModelMetadata, TextInput
from edgecnn.models.text_cnn import text_cnn
from edgecnn.runtime.session import load_model


def test_parameters_of_the_papers_size() -> None:
    # Kim's CNN-rand without its vocabulary: 100 maps for each of three windows, 300 numbers a word.
    model = text_cnn(words=2, embedding=300, maps=100)
    convolutions = sum(100 * (window * 300 + 1) for window in (3, 4, 5))
    assert sum(p.numel() for p in model.parameters()) == 2 * 300 + convolutions + 2 * 300 + 2


@torch.no_grad()
def test_the_order_of_words_within_a_window_counts_and_their_place_does_not() -> None:
    torch.manual_seed(0)
    model = text_cnn(words=50).eval()
    rows = torch.zeros(3, 30, dtype=torch.int64)
    for row, (place, words) in enumerate(((5, (7, 8, 9)), (18, (7, 8, 9)), (5, (9, 8, 7)))):
        rows[row, place : place + 3] = torch.tensor(words)
    here, there, turned = model(rows)
    torch.testing.assert_close(here, there)
    assert not torch.allclose(here, turned)


@torch.no_grad()
def test_more_padding_makes_no_difference() -> None:
    torch.manual_seed(0)
    model = text_cnn(words=50).eval()
    sentence = torch.zeros(1, 20, dtype=torch.int64)
    sentence[0, :6] = torch.tensor([3, 4, 5, 6, 7, 8])
    longer = torch.nn.functional.pad(sentence, (0, 30))
    torch.testing.assert_close(model(sentence), model(longer))


def test_padding_stays_zero() -> None:
    model = text_cnn(words=20)
    model(torch.randint(0, 20, (8, 12))).sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert not model.embedding.weight[0].any()
    assert not gradient[0].any()


def test_values_out_of_range() -> None:
    with pytest.raises(UsageError, match=r"text-cnn: windows=\[\]"):
        text_cnn(windows=[])
    with pytest.raises(UsageError, match="text-cnn: dropout"):
        text_cnn(dropout=1.5)


def test_it_learns_that_not_turns_a_sentence_round() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(5, 40, (200, 16), generator=generator)
    at = torch.randint(0, 12, (200,), generator=generator)
    targets = torch.arange(200) % 2
    rows = torch.arange(200)
    # Word 2 says it; word 3 before it turns it round.
    tokens[rows, at + 1] = 2
    tokens[rows[targets == 0], at[targets == 0]] = 3
    model = text_cnn(words=40, embedding=8, maps=8, dropout=0.0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(tokens), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert (model(tokens).argmax(1) == targets).float().mean() > 0.98


@pytest.mark.parametrize(
    ("count", "length", "arguments"),
    [
        (60, 20, {"embedding": 8, "maps": 8}),
        # As it is registered.
        pytest.param(8998, 64, {}, marks=pytest.mark.long),
    ],
)
def test_it_can_be_exported_and_quantized(
    count: int, length: int, arguments: dict[str, int], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    words = tuple(f"word{number}" for number in range(count))
    spec = TextInput(length=length, vocabulary=("", "", *words))
    metadata = ModelMetadata(name="x", task="classify", labels=("a", "b", "c"), input=spec)
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(words, size=generator.integers(3, 25))) for _ in range(24)]
    info = DatasetInfo("drawn", "all", metadata.labels, "0" * 64, "", "")
    data = Sentences(info, texts, np.arange(24) % 3)
    model = text_cnn(words=count + 2, classes=3, **arguments)
    report = export_model(model, metadata, data.inputs(spec), tmp_path / "x.onnx")
    assert report.parity.top1_agreement == 1
    assert load_model(tmp_path / "x.onnx", provider="cpu").metadata.input == spec
    quantized = quantize_model(
        tmp_path / "x.onnx",
        tmp_path / "x.int8.onnx",
        data,
        samples=24,
        seconds=0.02,
        allow_slower=True,
    )
    assert quantized.kept_fp32 == ()
    assert quantized.settings["format"] == "QDQ"
