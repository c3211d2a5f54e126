"""Rhythms put together of recorded beats: real windows, the classes they have, other intervals."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.data.imagined_rhythms import RecordedBeats, imagine_bursts, imagine_fibrillation
from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=126,
    after=162,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)


def recorded(pattern: str) -> RecordedBeats:
    """A letter per beat; each window holds the beat's own number. Early beats come after 200."""
    classes = np.array(["NSVF".find(letter) for letter in pattern])
    windows = np.repeat(np.arange(len(pattern))[:, None], 288, axis=1)
    return RecordedBeats(windows, np.where(classes == 0, 300, 200), classes)


ISOLATED = recorded("N" * 100 + "NNNSNN" * 10 + "Q")


@pytest.mark.parametrize("seed", range(5))
def test_bursts_are_made_of_a_persons_own_beats(seed: int) -> None:
    made = imagine_bursts(ISOLATED, 400, np.random.default_rng(seed))
    assert made is not None
    assert len(made) >= 400
    source = made.windows[:, 0]
    np.testing.assert_array_equal(made.classes, ISOLATED.classes[source])
    assert set(made.classes.tolist()) == {0, 1}
    # Ectopic beats keep their interval; only the pauses after them wait longer.
    kept = made.intervals == ISOLATED.intervals[source]
    after_ectopic = np.concatenate([[False], made.classes[:-1] == 1]) & (made.classes == 0)
    assert kept[~after_ectopic].all()
    assert (made.intervals[after_ectopic] >= 0.9 * 300).all()
    assert (made.intervals[after_ectopic] <= 2.42 * 300).all()
    assert not made.classes[:12].any()
    np.testing.assert_array_equal(np.diff(made.peaks), made.intervals[1:])


def test_ectopic_beats_become_the_many() -> None:
    shares = []
    for seed in range(30):
        made = imagine_bursts(ISOLATED, 500, np.random.default_rng(seed))
        assert made is not None
        shares.append(float((made.classes == 1).mean()))
    assert max(shares) > 0.7
    assert min(shares) < 0.4


@pytest.mark.parametrize("pattern", ["N" * 500, "N" * 200 + "NNS" * 7, "NS" * 50, ""])
def test_of_too_few_beats_nothing_is_imagined(pattern: str) -> None:
    assert imagine_bursts(recorded(pattern), 100, np.random.default_rng(0)) is None


def test_the_same_seed_gives_the_same_rhythm() -> None:
    one, two = (imagine_bursts(ISOLATED, 100, np.random.default_rng(3)) for _ in range(2))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.intervals, two.intervals)
    np.testing.assert_array_equal(one.windows, two.windows)


def test_in_fibrillation_intervals_have_no_order_and_classes_stay() -> None:
    record = recorded("NNNNV" * 100 + "SSF")
    seen = set()
    for seed in range(12):
        made = imagine_fibrillation(record, 300, SPEC, np.random.default_rng(seed))
        assert made is not None
        assert len(made) == 300
        seen |= set(made.classes.tolist())
        normal = made.intervals[made.classes == 0]
        assert normal.min() >= round(0.28 * 360)
        assert normal.std() / normal.mean() > 0.08
        log = np.log(normal)
        assert abs(np.corrcoef(log[1:], log[:-1])[0, 1]) < 0.3
        # No beat is later than half a second that comes from the ventricles.
        assert (made.intervals[made.classes == 2] <= 0.6 * 360).all()
    assert seen == {0, 2}
    assert imagine_fibrillation(recorded("VVV"), 10, SPEC, np.random.default_rng(0)) is None


def test_the_p_wave_goes_and_the_complex_stays() -> None:
    time = np.arange(-126, 162)
    beat = 16_000 * np.exp(-((time / 8) ** 2)) + 4000 * np.exp(-(((time + 55) / 10) ** 2))
    windows = np.tile(np.rint(beat).astype(np.int64), (50, 1))
    record = RecordedBeats(windows, np.full(50, 300), np.zeros(50, np.int64))
    kept = gone = 0
    for seed in range(12):
        made = imagine_fibrillation(record, 50, SPEC, np.random.default_rng(seed))
        assert made is not None
        mean = made.windows.mean(axis=0)
        np.testing.assert_array_equal(made.windows[:, 110:], windows[: len(made), 110:])
        kept += bool(mean[126 - 55] > 3900)
        gone += bool(mean[126 - 55] < 400)
    assert kept
    assert gone
    assert kept + gone == 12
