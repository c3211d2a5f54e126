from __future__ import annotations

import pytest

from edgecnn.ecg.alarms import ALARM_KINDS, AlarmLimits, Alarms, alarm_limits
from edgecnn.errors import UsageError


def changes(alarms, name, values):
    """Return (place, on) of each event."""
    return [
        (place, event.on)
        for place, value in enumerate(values)
        for event in alarms.update(place, {name: value})
    ]


def test_between_the_limits_an_alarm_stays_what_it_is():
    swaying = [118, 121, 119, 121, 111, 119, 110, 119, 121]
    assert changes(Alarms(alarm_limits([])), "tachycardia", swaying) == [
        (1, True),
        (6, False),
        (8, True),
    ]


def test_low_values_ring_where_they_should():
    values = [50, 46, 45, 49, 50, 44]
    assert changes(Alarms(alarm_limits([])), "bradycardia", values) == [
        (2, True),
        (4, False),
        (5, True),
    ]


def test_a_value_that_is_no_longer_known_ends_its_alarm_and_one_left_out_does_not():
    alarms = Alarms(alarm_limits([]))
    assert changes(alarms, "tachycardia", [130, None, None]) == [(0, True), (1, False)]
    alarms.update(3, {"tachycardia": 130})
    alarms.update(4, {"pause": 0.5})
    assert alarms.rows() == [
        {
            "name": "tachycardia",
            "title": "heart rate is high",
            "since_s": 3,
            "value": 130,
            "unit": "/min",
        }
    ]
    assert alarms.titles == ("heart rate is high",)
    (over,) = alarms.update(5, {"tachycardia": 100})
    assert str(over) == "alarm off: heart rate is high (100 /min)"
    started, ended = (alarms.update(n, {"pause": s})[0] for n, s in ((6, 3.5), (7, 0.04)))
    assert (str(started), str(ended)) == ("alarm on: no beat (3.5 s)", "alarm off: no beat")


def test_equal_limits_ring_as_long_as_the_value_is_there():
    assert changes(Alarms(alarm_limits([])), "pause", [2.9, 3.0, 4.0, 0.2]) == [
        (1, True),
        (3, False),
    ]


def test_limits_are_read_and_one_alone_keeps_the_distance():
    limits = alarm_limits(["tachycardia=150/140", "bradycardia=40", "v-run=off", "pause=5"])
    assert limits["tachycardia"] == AlarmLimits(150, 140)
    assert limits["bradycardia"] == AlarmLimits(40, 45)
    assert limits["pause"] == AlarmLimits(5, 5)
    assert limits.keys() == ALARM_KINDS.keys() - {"v-run"}


@pytest.mark.parametrize(
    "text",
    ["tachycardia", "heart=3", "pause=x", "tachycardia=1.2.3", "tachycardia=100/120", ""],
)
def test_what_sets_no_alarm_is_refused(text):
    with pytest.raises(UsageError):
        alarm_limits([text])
    with pytest.raises(UsageError, match="second limit"):
        alarm_limits(["bradycardia=50/45"])
