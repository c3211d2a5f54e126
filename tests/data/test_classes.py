from __future__ import annotations

import pytest

from edgecnn.data.classes import numbered_labels
from edgecnn.errors import DatasetError


def test_names_that_are_numbers_count_as_names_first() -> None:
    names, targets = numbered_labels(["10", "9", "10"], None, source="x")
    assert names == ("9", "10")
    assert targets.tolist() == [1, 0, 1]
    # A model whose classes are digits in another order.
    assert numbered_labels(["0", "1"], ("1", "0"), source="x")[1].tolist() == [1, 0]


def test_numbers_of_classes() -> None:
    assert numbered_labels(["2", "0"], ("a", "b", "c"), source="x")[1].tolist() == [2, 0]
    for wrong in (["3"], ["0", "d"], ["a", "1"]):
        with pytest.raises(DatasetError, match="is no class of this model"):
            numbered_labels(wrong, ("a", "b", "c"), source="x")
