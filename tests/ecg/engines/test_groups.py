"""How records are handed out, with an engine that does it all at once."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from edgecnn.ecg.engines.groups import run_groups
from edgecnn.ecg.engines.worker import GroupResult
from edgecnn.ecg.record_files import Problem, RecordFile
from edgecnn.errors import EdgeCNNError, RecordError


class Died(Exception):
    """A worker is gone."""


class Now:
    """Answers each group with the paths of its records; some records kill their worker."""

    lost = (Died,)
    group_s = 1.0

    def __init__(self, *, each_s=0.01, deadly=(), unlucky=()):
        self.groups, self.renewed = [], 0
        self._each_s, self._deadly, self._unlucky = each_s, deadly, set(unlucky)

    def slots(self):
        return 2

    def submit(self, files, job):
        self.groups.append(len(files))
        future = Future()
        names = {file.name for file in files}
        if names & set(self._deadly) or names & self._unlucky:
            self._unlucky -= names
            future.set_exception(Died())
        else:
            outcomes = tuple(Problem(file.name, RecordError("as asked")) for file in files)
            future.set_result(GroupResult(outcomes, self._each_s * len(files)))
        return future

    def renew(self):
        self.renewed += 1


def files(count):
    return [RecordFile(Path(f"{n}.csv"), str(n)) for n in range(count)]


def run(engine, count):
    places, outcomes = zip(*run_groups(files(count), None, engine), strict=True)
    assert sorted(places) == list(range(count))
    return dict(zip(places, outcomes, strict=True))


def test_each_record_is_done_once_and_knows_its_place():
    outcomes = run(Now(), 1000)
    assert all(outcome.path == str(place) for place, outcome in outcomes.items())


def test_small_records_go_in_groups_of_a_seconds_work():
    engine = Now(each_s=0.01)
    run(engine, 5000)
    assert engine.groups[0] == 1
    assert 95 <= max(engine.groups) <= 105
    # Few are smaller: the first, until it is known how long a record takes, and the last.
    assert sum(size for size in engine.groups if size >= 95) > 4000
    assert len(engine.groups) < 80


def test_long_records_go_one_by_one():
    engine = Now(each_s=30)
    run(engine, 20)
    assert engine.groups == [1] * 20


def test_a_group_whose_worker_died_is_done_again():
    engine = Now(unlucky=["700"])
    outcomes = run(engine, 1000)
    assert {outcome.reason for outcome in outcomes.values()} == {"as asked"}
    assert engine.renewed == 1


def test_a_record_that_kills_its_workers_costs_no_other():
    engine = Now(deadly=["3", "700"])
    outcomes = run(engine, 1000)
    ended = {place for place, o in outcomes.items() if "ended the process" in o.error.message}
    assert ended == {3, 700}
    assert {o.reason for place, o in outcomes.items() if place not in ended} == {"as asked"}


def test_workers_that_all_end_are_not_the_records_fault():
    with pytest.raises(EdgeCNNError, match="end as soon as they begin"):
        run(Now(deadly=[str(n) for n in range(50)]), 50)
    # A single record is.
    assert "ended the process" in run(Now(deadly=["0"]), 1)[0].error.message


def test_what_no_worker_can_do_ends_the_run():
    class Full(Now):
        def submit(self, files, job):
            future = Future()
            future.set_exception(EdgeCNNError("cannot write to out: No space left on device"))
            return future

    with pytest.raises(EdgeCNNError, match="No space left"):
        run(Full(), 10)


def test_without_records_there_is_nothing_to_do():
    assert list(run_groups([], None, Now())) == []
