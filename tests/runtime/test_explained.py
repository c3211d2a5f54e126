import dataclasses

import numpy as np
import pytest

from edgecnn.errors import TaskError
from edgecnn.runtime.answering import Answering, answer_pictures
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.explained import Explained
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.origin import Origin
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:cifar10-resnet.int8", provider="cpu", threads=1, check=False)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)


class _Clock:
    """Every look at it takes a millisecond."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1_000_000
        return self.now


def _coloured(result):
    if result.draw is None:
        return False
    drawn = result.draw().astype(int)
    return np.abs(drawn[..., 2] - drawn[..., 0]).max() > 40


def test_maps_take_no_more_than_their_share(model, picture):
    clock, controls = _Clock(), Controls(explain=True)
    explained = Explained(model, controls, share=0.1, now_ns=clock)
    processor = ImageProcessor(model, after=[explained])
    results = []
    for number in range(200):
        clock.now += 3_000_000
        results.append(processor.process(Frame("c", number, clock.now, picture)))
    # A map takes one of the clock's milliseconds; a tenth of the time is theirs.
    spent, passed = explained.made, clock.now / 1e6
    assert 0.07 * passed < spent <= 0.1 * passed + 1
    # The pictures in between show the last one.
    assert all(_coloured(result) for result in results[::20])


def test_an_old_map_and_one_of_another_label_are_not_drawn(model, picture):
    clock, controls = _Clock(), Controls(explain=True)
    explained = Explained(model, controls, share=1e-9, now_ns=clock)
    processor = ImageProcessor(model, after=[explained])
    assert _coloured(processor.process(Frame("c", 0, 1_000_000_000, picture)))
    assert _coloured(processor.process(Frame("c", 1, 1_900_000_000, picture)))
    assert not _coloured(processor.process(Frame("c", 2, 2_100_000_000, picture)))
    explained._last["c"] = dataclasses.replace(explained._last["c"], label="another")
    assert not _coloured(processor.process(Frame("c", 3, 1_900_000_000, picture)))


def test_it_is_switched_on_and_off_while_it_runs(model, picture):
    controls = Controls()
    processor, _ = answer_pictures(
        model, Answering(), origin=lambda frame: Origin(live=True, fps=30.0), controls=controls
    )
    assert controls.can_explain
    drawn = []
    for on in (False, True, False):
        controls.explain = on
        drawn.append(_coloured(processor.process(Frame("c", 0, 0, picture, turn_ns=1))))
    assert drawn == [False, True, False]


def test_the_answers_stay_as_they_are(model, picture):
    plain = ImageProcessor(model).process(Frame("c", 0, 0, picture))
    explained = Explained(model, Controls(explain=True))
    result = ImageProcessor(model, after=[explained]).process(Frame("c", 0, 0, picture))
    assert (result.label, result.score, result.top) == (plain.label, plain.score, plain.top)


def test_a_network_without_maps_says_so_when_asked_and_not_before():
    lenet = load_model("bundled:mnist-lenet5", provider="cpu", check=False)
    controls = Controls()
    Explained(lenet, controls)
    assert not controls.can_explain
    with pytest.raises(TaskError) as caught:
        answer_pictures(
            lenet,
            Answering(explain=0.2),
            origin=lambda frame: Origin(live=True),
            controls=Controls(),
        )
    assert "edgecnn explain" in caught.value.hint
