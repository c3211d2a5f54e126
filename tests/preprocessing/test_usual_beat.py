"""The usual beat: of many shapes the one that most beats have."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput, BoxcarFilter, Likeness, RhythmFeatures
from edgecnn.preprocessing.usual_beat import likeness, usual_beats

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=126,
    after=162,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    template="usual",
    template_beats=8,
    rhythm=RhythmFeatures(),
    likeness=Likeness(),
)
TIME = np.arange(-126, 162)
NARROW = (16_000 * np.exp(-((TIME / 8) ** 2)) + 2000 * np.exp(-(((TIME + 60) / 15) ** 2))).astype(
    np.int64
)
WIDE = (20_000 * np.exp(-((TIME / 25) ** 2)) - 15_000 * np.exp(-(((TIME - 50) / 25) ** 2))).astype(
    np.int64
)


def beats(pattern: str, *, noise: int = 100) -> NDArray[np.int64]:
    """A row per letter: ``n`` narrow, ``w`` wide."""
    random = np.random.default_rng(0)
    shapes = [{"n": NARROW, "w": WIDE}[letter] for letter in pattern]
    return np.stack([shape + random.integers(-noise, noise + 1, TIME.size) for shape in shapes])


def timely(windows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """No beat came early."""
    return np.zeros(len(windows), dtype=bool)


def column(name: str) -> int:
    return Likeness().features.index(name)


def test_in_bigeminy_the_usual_beat_is_no_mixture() -> None:
    windows = beats("nnnnnnwnwnwnnwnw")
    usual, _ = usual_beats(windows, timely(windows), SPEC)
    assert np.abs(usual[-1] - NARROW).max() < 100
    mixture = windows[-9:-1].mean(axis=0)
    assert np.abs(mixture - NARROW).max() > 3000


def test_it_is_the_mean_of_those_before_that_are_alike() -> None:
    windows = beats("nnnwnnwnn")
    usual, _ = usual_beats(windows, timely(windows), SPEC)
    alike = [0, 1, 2, 4, 5, 7]
    np.testing.assert_allclose(usual[8], windows[alike].mean(axis=0))
    np.testing.assert_array_equal(usual[0], windows[0])
    np.testing.assert_array_equal(usual[1], windows[0])


def test_beats_that_came_early_are_never_the_usual_one() -> None:
    """More than half of the beats are wide, all of these early."""
    pattern = "nwwnwwnwwnw"
    windows = beats(pattern)
    early = np.array([letter == "w" for letter in pattern])
    usual, _ = usual_beats(windows, early, SPEC)
    assert np.abs(usual[-1] - NARROW).max() < 100
    unaware, _ = usual_beats(windows, timely(windows), SPEC)
    assert np.abs(unaware[-1] - WIDE).max() < 100
    # Where all were early, all have a say.
    everywhere, _ = usual_beats(windows, np.ones(len(windows), dtype=bool), SPEC)
    np.testing.assert_array_equal(everywhere, unaware)


def test_where_the_usual_beat_changes_it_follows() -> None:
    windows = beats("n" * 12 + "w" * 12)
    usual, _ = usual_beats(windows, timely(windows), SPEC)
    assert np.abs(usual[13] - NARROW).max() < 100
    assert np.abs(usual[-1] - WIDE).max() < 100


def test_correlations_are_those_of_the_complexes_with_the_beats_before() -> None:
    windows = beats("nwnnwnwwnn")
    _, resembled = usual_beats(windows, timely(windows), SPEC)
    part = slice(126 - 36, 126 + 36)
    for row in (8, 9):
        for place, other in enumerate(range(row - 8, row)):
            expected = np.corrcoef(windows[row, part], windows[other, part])[0, 1]
            assert resembled[row, place] / 2000**2 == pytest.approx(expected, abs=2e-3)
    # Where there are none before, a beat is like itself.
    assert resembled[0].tolist() == [2000**2] * 8


def test_the_cut_makes_no_difference_to_the_last_bit() -> None:
    random = np.random.default_rng(1)
    windows = np.rint(beats("nwn" * 60) * random.uniform(0.5, 1.5, (180, 1))).astype(np.int64)
    whole = usual_beats(windows, timely(windows), SPEC)
    rows = likeness(windows, *whole, SPEC)
    for last in (9, 64, 65, 100, 179):
        part = windows[last - SPEC.template_beats : last + 1]
        usual, resembled = usual_beats(part, timely(part), SPEC)
        np.testing.assert_array_equal(usual[-1], whole[0][last])
        np.testing.assert_array_equal(resembled[-1], whole[1][last])
        np.testing.assert_array_equal(likeness(part, usual, resembled, SPEC)[-1], rows[last])


def test_an_ectopic_beat_is_unlike_and_a_premature_normal_one_is_alike_but_for_its_p_wave() -> None:
    windows = beats("n" * 10 + "wn", noise=20)
    windows[11, :100] -= (2000 * np.exp(-(((TIME[:100] + 60) / 15) ** 2))).astype(np.int64)
    rows = likeness(windows, *usual_beats(windows, timely(windows), SPEC), SPEC)
    ordinary, wide, without_p = rows[9], rows[10], rows[11]
    qrs, p = column("correlation of the QRS complex"), column("difference around the P wave")
    assert ordinary[qrs] > 0.99
    assert wide[qrs] < 0.9
    assert without_p[qrs] > 0.99
    assert without_p[p] > ordinary[p] + 1
    assert without_p[column("swing around the P wave")] < ordinary[p + 4] - 1


def test_flat_lines_and_huge_artefacts_give_numbers() -> None:
    flat = np.zeros((5, 288), np.int64)
    huge = flat + 160_000_000 * (np.arange(5) % 2)[:, None] * np.sign(TIME)
    for windows in (flat, huge):
        usual, resembled = usual_beats(windows, timely(windows), SPEC)
        assert np.isfinite(likeness(windows, usual, resembled, SPEC)).all()
        assert np.isfinite(usual).all()


def test_likeness_to_a_mixture_is_refused() -> None:
    with pytest.raises(ValueError, match="template is 'usual'"):
        BeatInput(
            sampling_rate_hz=360,
            leads=("MLII",),
            before=126,
            after=162,
            filter=SPEC.filter,
            rhythm=RhythmFeatures(),
            likeness=Likeness(),
        )
