import math

import numpy as np
import pytest

from edgecnn.runtime.processor import Result
from edgecnn.runtime.saved.result_rows import Tolerance, compare_rows, result_row

NEAR = Tolerance(0.01, 0.01)
EXACT = Tolerance()


def _row(label="a", top=(("a", 0.6), ("b", 0.4)), **fields):
    return result_row(Result(label, dict(top).get(label, 0.0), top, fields=fields))


def _keys(*arguments):
    return [difference.key for difference in compare_rows(*arguments)]


def test_every_bit_of_a_score_is_kept():
    score = float(np.nextafter(np.float32(0.6), np.float32(1)))
    assert result_row(Result("a", score, (("a", score),)))["top"] == [["a", score]]
    other = math.nextafter(score, 1)
    one, two = (result_row(Result("a", s, (("a", s),))) for s in (score, other))
    assert _keys(one, one, EXACT) == []
    assert _keys(one, two, EXACT) == ["score", "top[0][1]"]
    assert _keys(one, two, NEAR) == []


def test_a_difference_names_its_place_and_both_values():
    one = _row(boxes=[[0, 1, 2, 3, "dog", 0.5]], beats=[])
    two = _row(boxes=[[0, 1, 9, 3, "dog", 0.5]], beats=[1])
    found = compare_rows(one, two, NEAR)
    assert [(d.key, d.recorded, d.derived) for d in found] == [
        ("beats (length)", 0, 1),
        ("boxes[0][2]", 2, 9),
    ]


def test_what_is_there_on_one_side_only_differs():
    assert _keys(_row(), _row(extra=1), NEAR) == ["extra"]
    assert _keys(_row(extra=1), _row(), EXACT) == ["extra"]


@pytest.mark.parametrize(
    ("top", "label", "keys"),
    [
        ((("b", 0.501), ("a", 0.499)), "b", []),  # as good as equal: they may change places
        ((("b", 0.6), ("a", 0.4)), "b", ["label", "score", "top[a]", "top[b]"]),
        ((("a", 0.499), ("c", 0.498)), "a", []),  # b is just off the list
        ((("a", 0.499), ("c", 0.3)), "a", ["top[b]"]),  # b must be below 0.3 now
    ],
)
def test_labels_within_the_tolerance(top, label, keys):
    one = _row("a", (("a", 0.501), ("b", 0.499)))
    two = _row(label, top)
    assert sorted(key for key in _keys(one, two, NEAR) if key != "top[c]") == keys


def test_numbers_in_a_reason_may_differ_within_a_tolerance_and_its_words_may_not():
    one, two, other = (
        result_row(Result("unknown", 0.4, state="unknown", reason=text))
        for text in ("best score 0.40 is below 0.50", "best score 0.41 is below 0.50", "black")
    )
    assert _keys(one, two, NEAR) == []
    assert _keys(one, two, EXACT) == ["reason"]
    assert _keys(one, other, NEAR) == ["reason"]
