from __future__ import annotations

import numpy as np
import pytest
from onnxruntime.capi._pybind_state import quantize_matmul_4bits

from edgecnn.calibration import block_rounding
from edgecnn.calibration.block_rounding import BLOCKS, round_to_blocks


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(0).laplace(0, 0.05, (40, 300)).astype(np.float32)


@pytest.mark.parametrize("block", BLOCKS)
def test_unclipped_it_is_onnx_runtimes_own_rounding(weights, block, monkeypatch):
    monkeypatch.setattr(block_rounding, "_STRETCHES", np.ones(1, np.float32))
    ours = round_to_blocks(weights, block)
    count = -(-300 // block)
    padded = np.zeros((count * block, 40), np.float32)
    padded[:300] = weights.T
    packed = np.zeros((40, count, block // 2), np.uint8)
    scale = np.zeros((40, count), np.float32)
    zero = np.zeros((40, (count + 1) // 2), np.uint8)
    quantize_matmul_4bits(packed, padded, scale, zero, block, 40, count * block, True)
    np.testing.assert_array_equal(ours.scale, scale)
    # A weight that lies between two codes may go either way.
    assert np.mean(ours.alternating != packed) < 1e-3


@pytest.mark.parametrize("block", BLOCKS)
def test_clipping_leaves_less_noise(weights, block, monkeypatch):
    clipped = round_to_blocks(weights, block).values(300)
    monkeypatch.setattr(block_rounding, "_STRETCHES", np.ones(1, np.float32))
    plain = round_to_blocks(weights, block).values(300)
    assert np.square(clipped - weights).sum() < np.square(plain - weights).sum()


def test_rows_are_rounded_by_themselves_however_many_there_are(weights, monkeypatch):
    whole = round_to_blocks(weights, 32)
    monkeypatch.setattr(block_rounding, "_AT_ONCE", 1000)
    parts = round_to_blocks(weights, 32)
    np.testing.assert_array_equal(whole.codes, parts.codes)
    np.testing.assert_array_equal(whole.scale, parts.scale)


def test_zeros_stay_zeros():
    rounded = round_to_blocks(np.zeros((2, 40), np.float32), 32)
    assert not rounded.values(40).any()
    assert np.isfinite(rounded.scale).all()


def test_two_codes_are_in_each_byte(weights):
    rounded = round_to_blocks(weights, 32)
    low, high = rounded.halves & 15, rounded.halves >> 4
    np.testing.assert_array_equal(np.concatenate([low, high], -1), rounded.codes)
    np.testing.assert_array_equal(rounded.alternating & 15, rounded.codes[..., 0::2])
    np.testing.assert_array_equal(rounded.alternating >> 4, rounded.codes[..., 1::2])
