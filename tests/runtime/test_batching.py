import numpy as np
import pytest

from edgecnn.errors import ImageError
from edgecnn.runtime.batching import BatchGain, most_at_once, results_of
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gated import GatedProcessor
from edgecnn.runtime.gates.black import Black
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sources.test_camera import TestCamera


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:mnist-lenet5", check=False, spinning=False)


def frames(count):
    camera = TestCamera("test:?hold=0.05&size=320x240")
    return [
        Frame(f"s{n}", n, 0, camera.picture(7 * n), truth=camera.label(7 * n)) for n in range(count)
    ]


def test_answers_of_a_batch_are_those_of_single_frames(model):
    given = frames(5)
    single = [ImageProcessor(model).process(frame) for frame in given]
    together = ImageProcessor(model).process_many(given)
    for one, other in zip(single, together, strict=True):
        assert one.label == other.label
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert set(other.stages_ms) == {"prepare", "infer", "decode"}


def test_one_that_cannot_be_prepared_does_not_cost_the_others(model):
    given = frames(4)
    broken = Frame("x", 9, 0, np.zeros((0, 0, 3), np.uint8))
    results = ImageProcessor(model).process_many([given[0], broken, *given[1:]])
    assert isinstance(results[1], ImageError)
    assert [r.label for r in results if isinstance(r, Result)] == [f.truth for f in given]


def test_a_gate_keeps_its_frames_out_of_the_batch(model):
    processor = GatedProcessor(ImageProcessor(model), lambda frame: [Black()])
    given = frames(3)
    given[1] = Frame("dark", 1, 0, np.zeros((240, 320, 3), np.uint8))
    results = results_of(processor, given)
    assert most_at_once(processor) == 8
    assert [r.state for r in results] == ["ok", "unknown", "ok"]
    assert [results[0].label, results[2].label] == [given[0].truth, given[2].truth]


def test_a_batch_that_costs_more_than_it_gains_is_not_run_again():
    gain = BatchGain()
    assert gain.pays(2)
    for _ in range(7):
        gain.add(2, 30.0)
    assert not gain.pays(2)  # single frames have to be tried as well
    for _ in range(7):
        gain.add(1, 2.0)
    assert not gain.pays(2)
    assert gain.pays(3)


def test_a_slower_batch_is_given_up_by_the_processor_itself(model):
    processor, given = ImageProcessor(model), frames(2)
    for _ in range(7):
        processor._gain.add(2, 1e6)
        processor._gain.add(1, 1e-6)
    processor._model = spy = _Spy(model)
    processor.process_many(given)
    assert spy.ran == [1, 1]


class _Spy:
    free_batch = True

    def __init__(self, model):
        self.metadata, self.ran = model.metadata, []
        self._run = model.run

    def run(self, inputs):
        self.ran.append(len(next(iter(inputs.values()))))
        return self._run(inputs)
