"""IO binding, on the CPU's own memory here: what is bound where is the same on any device."""

import numpy as np
import onnxruntime
import pytest

from edgecnn.runtime.bound_run import BoundRun
from edgecnn.runtime.session import load_model, open_session


@pytest.fixture
def session(picture_model):
    return open_session(picture_model, provider="cpu")[0]


def _inputs(count, seed=0):
    random = np.random.default_rng(seed)
    return {"input": random.random((count, 1, 28, 28), dtype=np.float32)}


@pytest.mark.parametrize("fixed", [False, True])
def test_it_answers_as_the_session_does_run_after_run(session, fixed):
    bound = BoundRun(onnxruntime, session, fixed=fixed, device="cpu")
    answers = []
    for seed in range(4):
        (answer,) = bound.run(["logits"], _inputs(2, seed))
        answers.append(answer)
    # None of them is changed by a later run.
    for seed, answer in enumerate(answers):
        assert np.array_equal(answer, session.run(["logits"], _inputs(2, seed))[0])


def test_inputs_stay_bound_while_their_shape_does(session):
    bound = BoundRun(onnxruntime, session, device="cpu")
    bound.run(["logits"], _inputs(2))
    first = bound._values["input"]
    bound.run(["logits"], _inputs(2, 1))
    assert bound._values["input"] is first
    for count in (3, 2, 5):
        (answer,) = bound.run(["logits"], _inputs(count))
        assert np.array_equal(answer, session.run(["logits"], _inputs(count))[0])


def test_other_outputs_can_be_asked_for(session):
    bound = BoundRun(onnxruntime, session, device="cpu")
    assert len(bound.run(["logits"], _inputs(1))) == 1
    assert len(bound.run(["logits", "logits"][:1], _inputs(1))) == 1


def test_fixed_places_take_no_other_shape(session):
    bound = BoundRun(onnxruntime, session, fixed=True, device="cpu")
    bound.run(["logits"], _inputs(2))
    with pytest.raises(ValueError, match="input was float32"):
        bound.run(["logits"], _inputs(3))


@pytest.mark.gpu
@pytest.mark.parametrize("cuda_graph", [False, True])
def test_cuda_answers_through_pinned_memory(picture_model, cuda_graph):
    cpu = load_model(picture_model, provider="cpu")
    cuda = load_model(picture_model, provider="cuda", cuda_graph=cuda_graph, check=False)
    assert cuda.bound is not None
    assert cuda_graph or cuda.bound._pinned is not None
    for seed in range(4):
        inputs = _inputs(1, seed)
        assert np.allclose(cuda.run(inputs), cpu.run(inputs), atol=1e-3)
