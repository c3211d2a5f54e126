import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.smoothing.exponential import Exponential
from edgecnn.runtime.smoothing.majority import Majority
from edgecnn.runtime.smoothing.settings import make_smoother


@pytest.mark.parametrize("text", ["exponential=0.5s", "exponential=500ms", "exponential=2s"])
def test_spans_have_units(text):
    assert isinstance(make_smoother(text), Exponential)


def test_a_majority_has_a_number_of_frames():
    assert isinstance(make_smoother("majority=9"), Majority)


@pytest.mark.parametrize(
    "text",
    [
        *("", "median=3", "exponential", "exponential=0.5", "exponential=0s", "exponential=-1s"),
        *("exponential=9999s", "majority=1", "majority=1.5", "majority=99999"),
    ],
)
def test_anything_else_is_refused_with_what_there_is(text):
    with pytest.raises(UsageError) as caught:
        make_smoother(text)
    assert "majority=9" in caught.value.hint
