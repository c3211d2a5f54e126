"""The timely beat: of a rhythm that is mostly ectopic, the beats that are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput, BoxcarFilter, Likeness, RhythmFeatures
from edgecnn.preprocessing.timely_beat import timely_beats

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=126,
    after=162,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    template="timely",
    template_beats=12,
    rhythm=RhythmFeatures(set="wide"),
    likeness=Likeness(set="p-wave"),
)
TIME = np.arange(-126, 162)
QRS = 16_000 * np.exp(-((TIME / 8) ** 2))
SINUS = 2000 * np.exp(-(((TIME + 58) / 12) ** 2))
ECTOPIC = -SINUS
WIDE = 20_000 * np.exp(-((TIME / 25) ** 2)) - 15_000 * np.exp(-(((TIME - 50) / 25) ** 2))


def beats(pattern: str, *, noise: int = 60) -> NDArray[np.int64]:
    """A row per letter: ``n`` sinus, ``s`` atrial ectopic, ``v`` wide, ``f`` with noise for P."""
    random = np.random.default_rng(0)
    fibrillating = np.exp(-(((TIME + 60) / 20) ** 2))
    rows = []
    for letter in pattern:
        wave = {
            "n": QRS + SINUS,
            "s": QRS + ECTOPIC,
            "v": WIDE,
            "f": QRS + 1500 * fibrillating * np.sin(TIME / 9 + random.uniform(0, 6)),
        }[letter]
        rows.append(wave + random.integers(-noise, noise + 1, TIME.size))
    return np.rint(np.stack(rows)).astype(np.int64)


def timely(pattern: str) -> NDArray[np.bool_]:
    return np.array([letter in "nf" for letter in pattern])


def column(name: str) -> int:
    return Likeness(set="p-wave").features.index(name)


def test_of_mostly_ectopic_beats_it_is_the_sinus_nodes() -> None:
    pattern = "nnsssnsssnsssnsssn"
    template, numbers = timely_beats(beats(pattern), timely(pattern), SPEC)
    assert np.abs(template[-1] - (QRS + SINUS)).max() < 100
    assert numbers.shape == (len(pattern), len(SPEC.likeness.features)) == (18, 17)  # type: ignore[union-attr]
    name = column("correlation with the timely P wave")
    assert numbers[-1, name] > 0.95
    assert numbers[-2, name] < -0.95
    share = column("share of the timely P wave in this beat")
    assert numbers[-1, share] == pytest.approx(1, abs=0.1)
    assert numbers[-2, share] == pytest.approx(-1, abs=0.1)


def test_it_is_the_mean_of_the_timely_ones_that_are_alike() -> None:
    pattern = "nnsnvnsnn"
    windows = beats(pattern)
    template, numbers = timely_beats(windows, timely(pattern), SPEC)
    np.testing.assert_allclose(template[8], windows[[0, 1, 3, 5, 7]].mean(axis=0))
    np.testing.assert_array_equal(template[0], windows[0])
    assert numbers[8, column("share of the beats before that are alike")] == pytest.approx(7 / 12)


def test_where_no_beat_was_timely_the_latest_of_the_usual_shape_stands_alone() -> None:
    windows = beats("ssssss")
    template, _ = timely_beats(windows, np.zeros(6, bool), SPEC)
    assert any(np.array_equal(template[5], row) for row in windows[:5])


def test_p_waves_are_alike_in_a_sinus_rhythm_and_not_in_fibrillation() -> None:
    place = column("how alike the P waves of the timely beats are")
    rows = {
        letter: timely_beats(beats(letter * 20), timely(letter * 20), SPEC)[1] for letter in "nf"
    }
    assert rows["n"][-1, place] > 0.9
    assert rows["f"][-1, place] < 0.4


def test_rows_that_are_not_asked_for_change_nothing() -> None:
    pattern = "nsv" * 60
    windows, early = beats(pattern), timely(pattern)
    template, numbers = timely_beats(windows, early, SPEC)
    for last in (13, 64, 65, 100, 179):
        part = slice(last - SPEC.template_beats, last + 1)
        one, row = timely_beats(windows[part], early[part], SPEC, first=SPEC.template_beats)
        np.testing.assert_array_equal(one[0], template[last])
        np.testing.assert_array_equal(row[0], numbers[last])


def test_flat_lines_and_huge_artefacts_give_numbers() -> None:
    flat = np.zeros((5, 288), np.int64)
    huge = flat + 160_000_000 * (np.arange(5) % 2)[:, None] * np.sign(TIME)
    for windows in (flat, huge):
        template, numbers = timely_beats(windows, np.ones(5, bool), SPEC)
        assert np.isfinite(template).all()
        assert np.isfinite(numbers).all()
    assert timely_beats(flat[:0], np.ones(0, bool), SPEC)[1].shape == (0, 17)


def test_p_waves_beside_another_template_are_refused() -> None:
    with pytest.raises(ValueError, match="template is 'timely'"):
        BeatInput(
            sampling_rate_hz=360,
            leads=("MLII",),
            before=126,
            after=162,
            filter=SPEC.filter,
            template="usual",
            rhythm=RhythmFeatures(),
            likeness=Likeness(set="p-wave"),
        )
