from __future__ import annotations

import pytest

from edgecnn.ecg.units import is_voltage, millivolts_per
from edgecnn.errors import RecordError


@pytest.mark.parametrize(
    ("unit", "millivolts"),
    [("mV", 1), ("uV", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("nV", 1e-6), ("V", 1e3),
     (" millivolts ", 1), ("Microvolt", 1e-3)],
)  # fmt: skip
def test_voltages_become_millivolts(unit, millivolts):
    assert millivolts_per(unit, source="r") == millivolts


@pytest.mark.parametrize("unit", ["NU", "mmHg", "adu"])
def test_another_unit_is_refused(unit):
    assert not is_voltage(unit)
    with pytest.raises(RecordError, match="no unit of an ECG"):
        millivolts_per(unit, source="r")


def test_no_unit_is_told_apart():
    with pytest.raises(RecordError, match="r: its samples have no unit") as raised:
        millivolts_per(" ", source="r")
    assert raised.value.hint
