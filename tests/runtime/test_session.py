import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn import metadata as contract
from edgecnn.errors import (
    GoldenError,
    MetadataError,
    MissingFileError,
    ModelError,
    NotAModelError,
    ProviderError,
    UsageError,
)
from edgecnn.runtime.providers import import_runtime, placement_of
from edgecnn.runtime.session import load_model, open_session


def _changed(path, target, properties):
    """Copy a model with some of its metadata replaced, or removed where None."""
    model = onnx.load(path)
    kept = {p.key: p.value for p in model.metadata_props} | properties
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {k: v for k, v in kept.items() if v is not None})
    onnx.save(model, target)
    return target


def _golden(path):
    props = {p.key: p.value for p in onnx.load(path).metadata_props}
    return contract.decode_golden(props[contract.GOLDEN_KEY])


def test_a_model_opens_with_contract_and_proof(picture_model):
    model = load_model(picture_model, provider="cpu")
    assert model.metadata.labels == ("dark", "grey", "bright")
    assert model.placement.provider == "cpu"
    placed, total = model.placement.on_provider.split("/")
    assert placed == total != "0"
    assert model.warnings == ()
    logits = model.run({"input": np.ones((2, 1, 28, 28), np.float32)})
    assert logits.shape == (2, 3)


def test_an_input_that_does_not_fit_is_a_model_error(picture_model):
    model = load_model(picture_model, provider="cpu")
    with pytest.raises(ModelError, match="failed on an input"):
        model.run({"input": np.ones((1, 3, 5, 5), np.float32)})


@pytest.mark.parametrize("spinning", [True, False])
@pytest.mark.parametrize("threads", [None, 1])
def test_threads_and_spinning_reach_the_session(picture_model, spinning, threads):
    session, _ = open_session(picture_model, provider="cpu", threads=threads, spinning=spinning)
    options = session.get_session_options()
    assert options.intra_op_num_threads == (threads or options.intra_op_num_threads) >= 1
    if not spinning:
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_absent_files(tmp_path):
    with pytest.raises(MissingFileError, match="no such model"):
        load_model(tmp_path / "none.onnx")
    with pytest.raises(UsageError, match="no bundled model"):
        load_model("bundled:nothing-of-that-name")


@pytest.mark.parametrize("keep", [0, 1, 40, 0.5, 0.98])
def test_a_truncated_file_is_not_a_model(picture_model, tmp_path, keep):
    content = picture_model.read_bytes()
    size = keep if isinstance(keep, int) else int(keep * len(content))
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(content[:size])
    with pytest.raises((NotAModelError, MetadataError)) as caught:
        load_model(cut, provider="cpu")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_file_of_a_newer_version_is_not_called_broken(picture_model, tmp_path):
    model = onnx.load(picture_model)
    model.ir_version = 99
    onnx.save(model, tmp_path / "new.onnx")
    with pytest.raises(NotAModelError, match="of IR version 99; this ONNX Runtime reads up to"):
        open_session(tmp_path / "new.onnx", provider="cpu")


def test_a_shape_in_another_file_is_named(tmp_path):
    """ONNX Runtime reads weights from there, but not what shapes depend on."""
    axes = numpy_helper.from_array(np.int64([2, 3]), "the_axes")
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x", "the_axes"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 1, 1])],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    outside = {"location": "w.bin", "size_threshold": 0, "save_as_external_data": True}
    onnx.save_model(model, tmp_path / "outside.onnx", **outside)
    with pytest.raises(NotAModelError, match="'the_axes', which shapes depend on") as caught:
        open_session(tmp_path / "outside.onnx", provider="cpu")
    assert "edgecnn export" in caught.value.hint


def test_something_else_is_not_a_model(tmp_path):
    text = tmp_path / "model.onnx"
    text.write_text("<html>404</html>")
    with pytest.raises(NotAModelError, match="not a readable ONNX model"):
        load_model(text, provider="cpu")


def test_a_foreign_model_has_no_metadata(picture_model, tmp_path):
    foreign = _changed(picture_model, tmp_path / "f.onnx", {"edgecnn": None})
    with pytest.raises(MetadataError, match="no edgecnn metadata"):
        load_model(foreign, provider="cpu")


def test_labels_must_match_the_outputs(picture_model, tmp_path):
    described = load_model(picture_model, provider="cpu").metadata
    import msgspec

    fewer = msgspec.structs.replace(described, labels=("dark", "bright"))
    wrong = _changed(picture_model, tmp_path / "w.onnx", {"edgecnn": contract.encode(fewer)})
    with pytest.raises(ModelError, match="2 labels for 3 outputs"):
        load_model(wrong, provider="cpu")


def test_a_golden_label_that_flips_refuses_unless_told_not_to_check(picture_model, tmp_path):
    import msgspec

    golden = _golden(picture_model)
    first = golden.examples[0]
    turned = msgspec.structs.replace(first, logits=(tuple(reversed(first.logits[0])),))
    flipped = msgspec.structs.replace(golden, examples=(turned, *golden.examples[1:]))
    path = _changed(
        picture_model, tmp_path / "flip.onnx", {contract.GOLDEN_KEY: contract.encode(flipped)}
    )
    with pytest.raises(GoldenError, match="golden example 1 is 'bright'"):
        load_model(path, provider="cpu")
    assert load_model(path, provider="cpu", check=False).warnings == ()


def test_a_golden_drift_warns_and_names_the_cure(picture_model, tmp_path):
    import msgspec

    golden = _golden(picture_model)
    moved = tuple(
        msgspec.structs.replace(e, logits=(tuple(v + 0.01 for v in e.logits[0]),))
        for e in golden.examples
    )
    drifted = msgspec.structs.replace(golden, examples=moved)
    path = _changed(
        picture_model, tmp_path / "drift.onnx", {contract.GOLDEN_KEY: contract.encode(drifted)}
    )
    (warning,) = load_model(path, provider="cpu").warnings
    assert "drift by 0.01" in warning
    assert "Cure" in warning


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA in it",
)
def test_cuda_asked_for_without_it_is_an_error_with_the_cure(picture_model):
    with pytest.raises(ProviderError) as caught:
        load_model(picture_model, provider="cuda")
    assert "built without cuda" in caught.value.message
    assert "edgecnn[gpu]" in caught.value.hint
    auto = load_model(picture_model, provider="auto")
    assert auto.placement.provider == "cpu"
    assert "no CUDA" in auto.placement.reason


def test_an_unknown_provider_is_a_usage_error(picture_model):
    with pytest.raises(UsageError, match="unknown provider: quantum"):
        load_model(picture_model, provider="quantum")


@dataclasses.dataclass
class _Node:
    op_type: str = "Conv"


class _Session:
    """A session as ONNX Runtime gives it where CUDA could not load its libraries."""

    def __init__(self, providers, assigned):
        self._providers, self._assigned = providers, assigned

    def get_providers(self):
        return self._providers

    def get_provider_graph_assignment_info(self):
        import types

        return [
            types.SimpleNamespace(ep_name=name, get_nodes=lambda count=count: [_Node()] * count)
            for name, count in self._assigned.items()
        ]


def test_a_session_on_an_accelerator_may_not_fall_back_while_it_runs(picture_model, monkeypatch):
    """ONNX Runtime would else start over on the CPU when the accelerator fails in a run."""
    allowed = []

    class Session(_Session):
        def __init__(self, path, options, providers):
            super().__init__(providers, {providers[0]: 3})
            allowed.append(True)

        def disable_fallback(self):
            allowed[-1] = False

    runtime = import_runtime()
    monkeypatch.setattr(runtime, "InferenceSession", Session)
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["OpenVINOExecutionProvider"])
    _, placement = open_session(picture_model, provider="openvino")
    assert placement.provider == "openvino"
    assert allowed == [False]


def test_a_silent_fall_back_to_the_cpu_is_an_error():
    session = _Session(["CPUExecutionProvider"], {"CPUExecutionProvider": 3})
    with pytest.raises(ProviderError, match="cuda did not start"):
        placement_of(session, "cuda", "asked for")


def test_a_provider_that_took_no_node_is_an_error():
    session = _Session(
        ["CUDAExecutionProvider", "CPUExecutionProvider"], {"CPUExecutionProvider": 3}
    )
    with pytest.raises(ProviderError, match="took none of the 3 nodes"):
        placement_of(session, "cuda", "asked for")


@pytest.mark.gpu
def test_cuda_runs_the_nodes(picture_model):
    model = load_model(picture_model, provider="cuda")
    assert model.placement.provider == "cuda"
    assert model.placement.nodes["cuda"] > 0


def test_every_node_may_be_required_to_run_on_the_provider(picture_model, monkeypatch):
    class Session(_Session):
        def __init__(self, path, options, providers):
            super().__init__(
                ["OpenVINOExecutionProvider", "CPUExecutionProvider"],
                {"OpenVINOExecutionProvider": 3, "CPUExecutionProvider": 2},
            )

        def disable_fallback(self):
            pass

    runtime = import_runtime()
    monkeypatch.setattr(runtime, "InferenceSession", Session)
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["OpenVINOExecutionProvider"])
    _, placement = open_session(picture_model, provider="openvino")
    assert placement.on_provider == "3/5"
    assert placement.elsewhere == {"Conv": 2}
    with pytest.raises(ProviderError) as caught:
        open_session(picture_model, provider="openvino", require=True)
    assert caught.value.message.endswith("openvino runs 3/5 nodes, and leaves 2 Conv")


def test_a_run_can_be_cancelled_and_the_next_one_is_not(picture_model):
    model = load_model(picture_model, provider="cpu")
    inputs = {"input": np.ones((1, 1, 28, 28), np.float32)}
    model.cancel()
    with pytest.raises(ModelError, match="was cancelled"):
        model.run(inputs)
    assert model.run(inputs).shape == (1, 3)


@pytest.mark.parametrize("graph", [False, True])
def test_cuda_is_given_its_options(picture_model, monkeypatch, graph):
    given = []

    class Session(_Session):
        def __init__(self, path, options, providers):
            given.extend(providers)
            super().__init__(["CUDAExecutionProvider"], {"CUDAExecutionProvider": 5})

        def disable_fallback(self):
            pass

    runtime = import_runtime()
    monkeypatch.setattr(runtime, "InferenceSession", Session)
    monkeypatch.setattr(runtime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    _, placement = open_session(picture_model, provider="cuda", cuda_graph=graph, require=True)
    (name, options), last = given
    assert (name, last) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options.get("enable_cuda_graph") == ("1" if graph else None)
    assert placement.on_provider == "5/5"
