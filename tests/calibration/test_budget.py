from __future__ import annotations

import dataclasses
import json

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecnn.calibration import budget as module
from edgecnn.calibration.budget import Budget, search_forms
from edgecnn.calibration.frontier import Point
from edgecnn.calibration.kept import fusion_of
from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.arrays import PictureArray
from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.runtime.session import load_model

LAYERS = tuple("abcdefghij")


class _Network:
    """Loses a point for each of its bad layers that is quantized."""

    def __init__(self, bad, *, limit=0.5, correction=0.0):
        self.bad, self.limit, self.correction = set(bad), limit, correction
        self.measured = []

    def __call__(self, kept, *, corrected):
        drop = len(self.bad - set(kept)) - (self.correction if corrected else 0)
        self.measured.append((kept, corrected))
        return Point(
            kept_fp32=kept,
            bias_corrected=corrected,
            drop=float(drop),
            agreement=1.0,
            latency_ms=1.0,
            speedup=1.0,
            fits=drop <= self.limit,
        )


@pytest.mark.parametrize("count", range(11))
def test_the_fewest_layers_go_back(count):
    network = _Network(LAYERS[:count])
    found = search_forms(network, Budget(0.5), lambda _: LAYERS, correctable=True)
    assert found.best.kept_fp32 == LAYERS[:count]
    assert found.best.chosen
    assert sum(point.chosen for point in found.points) == 1
    # Doubling and halving: ten layers take no more than 2 log2 of it.
    assert len(network.measured) <= 2 + 8


def test_biases_are_corrected_before_a_layer_goes_back():
    network = _Network("a", correction=1.0)
    found = search_forms(network, Budget(0.5), lambda _: pytest.fail("ranked"), correctable=True)
    assert (found.best.kept_fp32, found.best.bias_corrected) == ((), True)
    # A correction that does harm is not built upon.
    network = _Network("ab", correction=-1.0)
    found = search_forms(network, Budget(0.5), lambda _: LAYERS, correctable=True)
    assert (found.best.kept_fp32, found.best.bias_corrected) == (("a", "b"), False)


def test_nothing_is_searched_where_all_fits():
    network = _Network("")
    search_forms(network, Budget(0.5), lambda _: pytest.fail("ranked"), correctable=True)
    assert network.measured == [((), False)]


def test_what_does_not_fit_gives_the_best_there_is():
    network = _Network((*LAYERS, "the output"))
    found = search_forms(network, Budget(0.5), lambda _: LAYERS, correctable=False)
    assert not found.best.fits
    assert (found.best.drop, found.best.kept_fp32) == (1.0, LAYERS)


@pytest.mark.parametrize("budget", [(-0.1, None), (float("nan"), None), (None, 1.5), (None, -1)])
def test_budgets_that_are_none(budget):
    with pytest.raises(UsageError):
        Budget(*budget)


def test_a_drop_that_is_no_number_fits_no_budget():
    assert not Budget(0.3).fits(float("nan"), 1.0)
    assert not Budget(0.3).fits(None, 1.0)
    assert Budget(0.3).fits(0.3, 0.0)
    assert Budget(None, 0.99).fits(None, 0.99)


@pytest.fixture(scope="module")
def spoiled(fp32, tmp_path_factory):
    """The network with weights in one layer that 8 bits cannot hold, and the same answers.

    The second convolution's weights for a channel are made a thousand times larger, and what feeds
    the channel is made as much smaller.
    """
    path = tmp_path_factory.mktemp("spoiled") / "spoiled.onnx"
    model = onnx.load(fp32)
    constants = {t.name: t for t in model.graph.initializer}
    first, second = [n for n in model.graph.node if n.op_type == "Conv"]

    def scale(name, where, factor):
        values = numpy_helper.to_array(constants[name]).copy()
        values[where] *= factor
        constants[name].CopyFrom(numpy_helper.from_array(values, name))

    scale(first.input[1], np.s_[:2], 1 / 400)
    scale(first.input[2], np.s_[:2], 1 / 400)
    scale(second.input[1], np.s_[:, :2], 400)
    onnx.save(model, path)
    return path, second.name


QUICK = {"samples": 64, "seconds": 0.05, "allow_slower": True}


@pytest.fixture(scope="module")
def searched(spoiled, calibration, stripes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    plain = quantize_model(
        spoiled[0], folder / "plain.onnx", calibration, evaluate=stripes, **QUICK
    )
    report = quantize_model(
        spoiled[0], folder / "s.int8.onnx", calibration, evaluate=stripes, max_drop=1.0, **QUICK
    )
    return folder, plain, report


def test_a_network_that_loses_too_much_is_brought_within(searched, spoiled, stripes):
    folder, plain, report = searched
    assert 100 * plain.drop > 1.0
    assert 100 * report.drop <= 1.0
    assert 0 < len(report.budget_kept_fp32) < 3
    written = load_model(folder / "s.int8.onnx", provider="cpu")
    assert evaluate_model(written, stripes).value == report.int8
    # What was left out is FP32 in what ONNX Runtime runs, not only in what was asked of it.
    assert len(fusion_of(onnx.load(written.path)).kept) == len(report.budget_kept_fp32)
    assert written.metadata.provenance.quantization.kept_fp32 == report.kept_fp32


def test_the_frontier_is_saved(searched):
    folder, _, report = searched
    assert report.frontier == str(folder / "s.int8.frontier.png")
    picture = cv2.imread(report.frontier)
    assert picture.shape[0] > 400
    assert picture.std() > 5
    document = json.loads((folder / "s.int8.frontier.json").read_text())
    assert (document["unit"], document["limit"]) == ("points", 1.0)
    assert len(document["points"]) == len(report.points) >= 3
    assert [p["chosen"] for p in document["points"]].count(True) == 1
    assert document["frontier"]


def test_choosing_on_the_claimed_data_is_said(searched, spoiled, calibration, stripes, tmp_path):
    _, plain, report = searched
    said = "forms on the very data it is measured on"
    assert any(said in remark for remark in report.remarks)
    assert not any(said in remark for remark in plain.remarks)
    other = PictureArray(
        dataclasses.replace(stripes.info, split="other"), stripes.pictures, stripes.targets
    )
    chosen = quantize_model(
        spoiled[0],
        tmp_path / "o.onnx",
        calibration,
        evaluate=stripes,
        select=other,
        max_drop=1.0,
        **QUICK,
    )
    assert chosen.chosen_on == "stripes:other"
    assert not any(said in remark for remark in chosen.remarks)


def test_agreement_needs_no_labels(spoiled, calibration, tmp_path):
    unlabelled = PictureArray(calibration.info, calibration.pictures, None)
    report = quantize_model(
        spoiled[0], tmp_path / "o.onnx", unlabelled, min_agreement=0.985, **QUICK
    )
    assert report.agreement >= 0.985
    assert report.metric is None
    assert json.loads((tmp_path / "o.frontier.json").read_text())["unit"] == "% other answers"


def test_what_cannot_be_kept_leaves_no_file(spoiled, calibration, stripes, tmp_path, monkeypatch):
    monkeypatch.setattr(module.Budget, "fits", lambda *_: False)
    with pytest.raises(
        EdgeCNNError, match=r"no form of .* in 8 bits .* best of \d+ tried"
    ) as error:
        quantize_model(
            spoiled[0], tmp_path / "o.onnx", calibration, evaluate=stripes, max_drop=0, **QUICK
        )
    assert error.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EdgeCNNError):
        quantize_model(
            spoiled[0],
            tmp_path / "o.onnx",
            calibration,
            evaluate=stripes,
            max_drop=0,
            frontier=tmp_path / "f.png",
            **QUICK,
        )
    assert {path.name for path in tmp_path.iterdir()} == {"f.png", "f.json"}


def test_wrong_usage_is_said_before_the_work(fp32, calibration, stripes, tmp_path):
    out = tmp_path / "o.onnx"
    with pytest.raises(UsageError, match="max-drop needs labelled data"):
        quantize_model(fp32, out, calibration, max_drop=1)
    with pytest.raises(UsageError, match="but no budget"):
        quantize_model(fp32, out, calibration, evaluate=stripes, select=stripes)
    with pytest.raises(UsageError, match="none to measure it on"):
        quantize_model(fp32, out, calibration, select=stripes, min_agreement=0.9)
    with pytest.raises(UsageError, match=r"is no \.png"):
        quantize_model(fp32, out, calibration, min_agreement=0.9, frontier="f.svg")
    with pytest.raises(UsageError, match="no such block: stem"):
        quantize_model(fp32, out, calibration, leave=["stem"])
    assert list(tmp_path.iterdir()) == []
