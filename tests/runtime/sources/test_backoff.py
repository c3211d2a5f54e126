from edgecnn.runtime.sources.backoff import Backoff


def test_waits_grow_to_the_longest_and_differ():
    waits = [Backoff(first_s=0.2, longest_s=30) for _ in range(20)]
    rows = [[each.next_s() for _ in range(12)] for each in waits]
    for row in rows:
        for number, wait in enumerate(row):
            most = min(30, 0.2 * 2**number)
            assert most / 2 <= wait <= most
    assert len({row[3] for row in rows}) == 20


def test_what_held_for_a_moment_only_does_not_count():
    backoff = Backoff(first_s=1, longest_s=30)
    for _ in range(4):
        last = backoff.next_s()
    backoff.held(seconds=last / 2)
    assert backoff.next_s() >= 8
    backoff.held(seconds=60)
    assert backoff.next_s() <= 1
