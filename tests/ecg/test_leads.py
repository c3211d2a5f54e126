from __future__ import annotations

import pytest

from edgecnn.ecg.leads import choose_lead, is_unnamed, lead_label
from edgecnn.errors import RecordError


@pytest.mark.parametrize(
    ("leads", "wanted", "column"),
    [
        (("V5", "MLII"), "MLII", 1),
        (("I", "II", "III"), "MLII", 1),
        (("i", "ii", "iii"), "MLII", 1),
        (("ECG II", "ECG V5"), "MLII", 0),
        (("ECG_V5", "lead 2"), "MLII", 1),
        (("ML2", "V1"), "MLII", 0),
        (("MLIII", "MLII"), "II", 1),
        (("II", "MLII"), "MLII", 1),
        (("aVR", "MCL1"), "V1", 1),
        (("ecg avr",), "aVR", 0),
        (("",), "MLII", 0),
        (("ECG",), "MLII", 0),
        (("", "", ""), "2", 1),
    ],
)
def test_the_wanted_lead_is_found(leads, wanted, column):
    assert choose_lead(leads, wanted, source="r") == column


@pytest.mark.parametrize(
    ("leads", "wanted", "what"),
    [
        (("V5", "V2"), "MLII", "it has V5, V2"),
        (("MLIII", "I"), "MLII", "no lead MLII"),
        (("V1",), "V2", "no lead V2"),
        (("", ""), "MLII", "no names"),
        (("V1", ""), "MLII", "V1, unnamed"),
    ],
)
def test_an_absent_lead_names_those_that_are_there(leads, wanted, what):
    with pytest.raises(RecordError, match=what) as raised:
        choose_lead(leads, wanted, source="r")
    assert "--lead" in (raised.value.hint or "")


def test_a_lead_without_a_name_is_printed_as_one():
    assert is_unnamed("")
    assert is_unnamed("ecg")
    assert not is_unnamed("V1")
    assert lead_label("") == "unnamed"
