from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg.quality import lead_remarks, limb_remarks, limb_remarks_of
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.stretches import stretches_flat, stretches_saturated
from edgecnn.ecg.synthetic import synthetic_ecg

RATE = 250.0


@pytest.fixture(scope="module")
def ecg():
    return synthetic_ecg(30.0, RATE, seed=2, pvc_every=0)


@pytest.fixture
def noisy(ecg):
    noise = np.random.default_rng(0).normal(scale=0.01, size=ecg.signal_mv.size)
    return ecg.signal_mv + noise


def test_a_sound_lead_has_no_remark(ecg, noisy):
    assert lead_remarks(noisy, RATE, lead="II", peaks=ecg.samples) == ()


def test_a_flat_stretch_is_found_where_it_is(noisy):
    noisy[1000:2250] = 3.0
    assert stretches_flat(noisy, RATE).tolist()[0] == pytest.approx([1000, 2250], abs=62)
    assert lead_remarks(noisy, RATE) == ("flat for 4.71 s (15.7 %)",)
    # Shorter ones, and gaps, are none.
    noisy[1000:2250] = np.nan
    noisy[3000:3300] = 3.0
    assert lead_remarks(noisy, RATE) == ()


def test_a_signal_at_the_end_of_its_range_is_saturated(noisy):
    clipped = np.clip(noisy, None, 0.3)
    found = stretches_saturated(clipped, RATE, stretches_flat(clipped, RATE))
    assert len(found) > 20
    assert all((clipped[first:stop] == 0.3).all() for first, stop in found)
    assert lead_remarks(clipped, RATE)[0].startswith("saturated for ")
    assert lead_remarks(-clipped, RATE)[0].startswith("saturated for ")
    # A single peak that is held is none, and a lead that is off is flat.
    noisy[500:510] = noisy.max() + 1
    assert lead_remarks(noisy, RATE) == ()
    assert lead_remarks(np.full(5000, 5.0), RATE) == ("flat for 20 s (100 %)",)
    assert lead_remarks(np.full(5000, np.nan), RATE) == ()


@pytest.mark.parametrize(
    ("lead", "is_told"),
    [
        *[(name, True) for name in ("II", "MLII", "lead ii")],
        *[(name, False) for name in ("V1", "aVR", "")],
    ],
)
def test_a_lead_that_points_down_is_told_where_it_should_not(ecg, noisy, lead, is_told):
    remarks = lead_remarks(-noisy, RATE, lead=lead, peaks=ecg.samples)
    assert remarks == ((f"{lead} may be inverted: QRS and T point down",) if is_told else ())
    assert lead_remarks(-noisy, RATE, lead=lead, peaks=ecg.samples[:3]) == ()


def test_a_qrs_complex_that_points_down_alone_is_no_inverted_lead():
    """As over a bundle branch block: the T wave points the other way."""
    at = np.arange(-75, 175) / RATE
    beat = -np.exp(-((at / 0.02) ** 2)) + 0.3 * np.exp(-(((at - 0.28) / 0.05) ** 2))
    peaks = np.arange(75, 5000, 250)
    signal = np.tile(beat, 20)
    assert lead_remarks(signal, RATE, lead="II", peaks=peaks) == ()
    assert len(lead_remarks(-np.abs(signal), RATE, lead="II", peaks=peaks)) == 1


@pytest.fixture
def limbs(ecg, noisy):
    one, two = 0.6 * noisy, noisy
    columns = {"I": one, "II": two, "III": two - one, "aVR": -(one + two) / 2}
    return Record("r", Path("r"), RATE, tuple(columns), np.column_stack(list(columns.values())))


def test_limb_leads_fit_together(limbs, ecg):
    assert limb_remarks(limbs, ecg.samples) == ()


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 2, 1, 3]])
def test_leads_that_were_swapped_in_the_file_do_not(limbs, ecg, order):
    swapped = replace(limbs, signal_mv=limbs.signal_mv[:, order])
    assert limb_remarks(swapped, ecg.samples) == (
        "I + III is not II: limb leads may be swapped, inverted or misnamed",
    )


def test_swapped_arms_turn_lead_i_over(limbs, ecg):
    """Right and left arm: I is inverted, II and III, aVR and aVL change places."""
    one, two, three, _ = limbs.signal_mv.T
    swapped = np.column_stack([-one, three, two, -(three - one) / 2])
    assert limb_remarks(replace(limbs, signal_mv=swapped), ecg.samples) == (
        "right and left arm may be swapped: I points down and aVR up",
    )


def test_gaps_and_missing_leads_are_no_reason(limbs, ecg):
    limbs.signal_mv[1000:2000, 1] = np.nan
    assert limb_remarks(limbs, ecg.samples) == ()
    assert limb_remarks(limbs.select("II"), ecg.samples) == ()


@pytest.mark.data
def test_real_leads_with_one_turned_over(data_root, tmp_path):
    path = data_root / "ecg-extra" / "cinc2021-georgia" / "E07500.hea"
    record = read_record(path)
    peaks = np.arange(400, 4600, 437)
    assert limb_remarks_of(path, 500.0, peaks) == ()
    record.signal_mv[:, 0] *= -1
    np.savez(tmp_path / "r.npz", ecg=record.signal_mv, leads=record.leads, fs=500)
    remarks = limb_remarks_of(tmp_path / "r.npz", 500.0, peaks)
    assert remarks == ("I + III is not II: limb leads may be swapped, inverted or misnamed",)
    # Of another rate, or not there: nothing to say.
    assert limb_remarks_of(tmp_path / "r.npz", 360.0, peaks) == ()
    assert limb_remarks_of(tmp_path / "absent.npz", 500.0, peaks) == ()


@pytest.mark.data
def test_what_is_saturated_in_the_mit_bih_database(data_root):
    told = {}
    for name in ("100", "116", "119", "208"):
        record = read_record(data_root / "mitdb" / name)
        told[name] = lead_remarks(record.signal_mv[:, 0], 360.0)
    assert told == {
        "100": (),
        "116": ("saturated for 1.82 s (0.101 %)",),
        "119": (),
        "208": (),
    }
