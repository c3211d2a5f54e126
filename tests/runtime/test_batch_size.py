import pytest

from edgecnn.runtime.batch_size import BatchSize


def _settle(cost, most=32):
    batch, runs = BatchSize(most), 0
    while not batch.settled:
        batch.took(batch.size, cost(batch.size))
        runs += 1
        assert runs < 100
    return batch


@pytest.mark.parametrize(
    ("cost", "size"),
    [
        (lambda n: 0.001 * n, 1),  # nothing to be gained
        (lambda n: 0.010 + 0.001 * n, 32),
        (lambda n: 0.001 + 0.001 * n, 16),  # 32 would be 3 % quicker
        (lambda n: 0.004 + 0.001 * n + (0.1 if n > 4 else 0), 4),  # out of the cache
        (lambda n: 0.001 * n**2, 1),
    ],
)
def test_the_smallest_of_the_quickest_is_taken(cost, size):
    assert _settle(cost).size == size


def test_the_first_run_of_each_size_warms_up():
    runs = iter([5.0, 0.010, 0.010, 9.0, 0.012, 0.012, 9.0, 0.1, 0.1])
    assert _settle(lambda n: next(runs), most=4).size == 2


def test_what_was_found_is_told():
    batch = _settle(lambda n: 0.004 + 0.001 * n)
    assert batch.told == "batches of 32: 1.13 ms a picture, 5 ms one by one"
    assert _settle(lambda n: 0.002 * n).told.startswith("one by one: 2 ms a picture")
    assert BatchSize().told == ""


def test_the_last_batch_which_is_smaller_says_nothing():
    batch = BatchSize()
    for _ in range(3):
        batch.took(1, 0.005)
    assert batch.size == 2
    for _ in range(5):
        assert not batch.took(1, 1.0)
    assert batch.size == 2
