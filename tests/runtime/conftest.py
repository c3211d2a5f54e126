"""Answers, streams and a summary for the tests of the sinks."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import LedgerCounts
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.base import StreamInfo


def _make_answer(number=0, label="seven", *, shape=(48, 64, 3), name="", state="ok", value=90):
    result = Result(label, 0.9, ((label, 0.9),), state=state, reason="" if state == "ok" else "why")
    data = np.full(shape, value, np.uint8)
    frame = Frame("numbers", number, 1_000_000_000 + 40_000_000 * number, data, name=name)
    counts = LedgerCounts(number + 1, number + 1, 0, 0, 0)
    return Answer(frame, result, latency_ms=1.5, ledger=counts, fps=25.0, provider="cpu")


def _make_stream(*, source="numbers", live=True, fps=25.0, stop=lambda reason: None):
    return StreamInfo(source, "model", live=live, fps=fps, card={}, stop=stop)


SUMMARY = Summary(
    captured=9,
    processed=7,
    dropped=1,
    failed=1,
    pending=0,
    duplicates=0,
    fps=25.0,
    latency_ms={"p50": 1.0, "p95": 2.0, "p99": 3.0},
    provider="cpu",
    nodes_on_provider="3/3",
    source="numbers",
    seconds=1.0,
    ended="end of source",
)


@pytest.fixture
def make_answer():
    return _make_answer


@pytest.fixture
def make_stream():
    return _make_stream


@pytest.fixture
def summary():
    return SUMMARY
