import dataclasses

import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.slo import parse_slo


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("p95=60ms", ""),
        ("p95=2ms", ""),
        ("p99<=2.9ms", "p99 3 ms, not 2.9 or less"),
        ("p50=0.9ms", "p50 1 ms, not 0.9 or less"),
        ("p99=0.1s", ""),
        ("fps>=25", ""),
        ("fps=25.1", "25 fps, not 25.1 or more"),
    ],
)
def test_promises_are_kept_or_broken(text, broken, summary):
    assert parse_slo(text).broken(summary) == broken


def test_a_stream_without_answers_keeps_none(summary):
    nothing = dataclasses.replace(summary, processed=0, failed=0, fps=0.0)
    assert parse_slo("p95=60ms").broken(nothing) == "p95: no frame was answered"


@pytest.mark.parametrize("text", ["", "p95", "p95=60", "p90=1ms", "fps<=3", "p95>=3ms", "fps>=3ms"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="cannot promise"):
        parse_slo(text)
