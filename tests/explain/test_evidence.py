from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.explain.evidence import class_activation, erased_stretches, margins, occlusion
from edgecnn.metadata import Output

SCORES = Output(activation="none")


def quarters(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Logits are the mean brightness of the upper left, upper right and lower half."""
    x = inputs["input"][:, 0]
    half, middle = x.shape[1] // 2, x.shape[2] // 2
    parts = (x[:, :half, :middle], x[:, :half, middle:], x[:, half:])
    return np.stack([part.mean(axis=(1, 2)) for part in parts], axis=1).astype(np.float32)


def test_margins_do_not_know_what_all_classes_share() -> None:
    logits = np.array([[1.0, 2.0, 6.0], [11.0, 12.0, 16.0]], np.float32)
    assert margins(logits, Output()).tolist() == [[-2.0, -1.0, 3.0]] * 2
    # A single class, and classes that do not exclude each other, have nothing in common.
    assert margins(np.array([[3.0]], np.float32), Output()).tolist() == [[3.0]]
    assert margins(logits[:1], Output(activation="sigmoid")).tolist() == [[1.0, 2.0, 6.0]]


def test_scores_become_logits() -> None:
    scores = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], np.float32)
    found = margins(scores, SCORES)
    assert found[0, 0] - found[0, 1] == pytest.approx(np.log(2))
    assert np.isfinite(found).all()


def test_mean_of_a_class_activation_map_is_the_margin() -> None:
    random = np.random.default_rng(0)
    features = random.random((5, 6, 7)).astype(np.float32)
    weights = random.standard_normal((4, 5)).astype(np.float32)
    logits = weights @ features.mean(axis=(1, 2))
    maps = class_activation(features, weights, range(4))
    np.testing.assert_allclose(
        maps.mean(axis=(1, 2)), margins(logits[None], Output())[0], atol=1e-6
    )


@pytest.mark.parametrize(("height", "width"), [(24, 24), (17, 40), (5, 5), (2, 3)])
def test_occlusion_finds_where_the_evidence_is(height: int, width: int) -> None:
    picture = np.zeros((1, 1, height, width), np.float32)
    picture[0, 0, : height // 2, : width // 2] = 10
    maps, patch = occlusion(quarters, {"input": picture}, "input", Output(), [0, 2])
    assert maps.shape == (2, height, width)
    assert patch == max(2, round(min(height, width) / 6))
    assert np.isfinite(maps).all()
    if min(height, width) < 8:
        return
    inside = maps[0, : height // 2 - patch, : width // 2 - patch]
    outside = maps[0, height // 2 + patch :, width // 2 + patch :]
    assert inside.min() > 3 * np.abs(outside).max()
    # What the first class has there speaks against the others.
    assert maps[1, : height // 2 - patch, : width // 2 - patch].max() < 0


def test_occlusion_of_channels_last() -> None:
    picture = np.random.default_rng(0).random((1, 3, 12, 18)).astype(np.float32)

    def last(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        return quarters({"input": inputs["input"].transpose(0, 3, 1, 2)})

    first, _ = occlusion(quarters, {"input": picture}, "input", Output(), [0])
    second, _ = occlusion(
        last, {"input": picture.transpose(0, 2, 3, 1)}, "input", Output(), [0], layout="NHWC"
    )
    np.testing.assert_array_equal(first, second)


def test_more_patches_than_fit_into_one_batch_and_other_inputs_stay() -> None:
    sizes = []

    def run(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        sizes.append(len(inputs["input"]))
        assert (inputs["rr"] == 7).all()
        assert len(inputs["rr"]) == len(inputs["input"])
        return quarters(inputs)

    picture = np.ones((1, 1, 30, 30), np.float32)
    other = np.full((1, 5), 7, np.float32)
    occlusion(run, {"input": picture, "rr": other}, "input", Output(), [0])
    assert max(sizes) <= 32
    assert sum(sizes) > 100


def test_erasing_finds_the_wave() -> None:
    time = np.arange(200)
    signal = np.stack([np.exp(-(((time - 120) / 6.0) ** 2)), np.ones(200)])[None]

    def peak(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        highest = inputs["beat"][:, 0].max(axis=1)
        return np.stack([highest, np.zeros_like(highest)], axis=1)

    inputs = {"beat": signal.astype(np.float32)}
    lost = erased_stretches(peak, inputs, "beat", Output(), 30, channel=0)
    assert lost.shape == (2, 200)
    assert abs(int(lost[0].argmax()) - 120) <= 5
    assert np.abs(lost[:, :80]).max() < 1e-6
    np.testing.assert_allclose(lost[0], -lost[1])
    # The other channel is not touched; erased itself, it has nothing to lose.
    assert np.abs(erased_stretches(peak, inputs, "beat", Output(), 30, channel=1)).max() == 0


def test_a_stretch_longer_than_the_signal() -> None:
    inputs = {"beat": np.random.default_rng(0).random((1, 2, 8)).astype(np.float32)}

    def total(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        return inputs["beat"].sum(axis=2)

    assert np.isfinite(erased_stretches(total, inputs, "beat", Output(), 30)).all()
