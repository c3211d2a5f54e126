from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from edgecnn.export.strip_paths import strip_paths


def _leaky() -> onnx.ModelProto:
    """A model with notes on every level that ONNX has for them."""
    value = helper.make_tensor_value_info
    inner_node = helper.make_node("Identity", ["x"], ["y"], doc_string="/home/me/inner.py")
    inner = helper.make_graph([inner_node], "then", [], [value("y", TensorProto.FLOAT, [1])])
    inner.doc_string = "/home/me/inner_graph.py"
    branch = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    branch.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/me/net.py:1")
    branch.attribute[0].doc_string = "/home/me/attribute.py"
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    weight.doc_string = "/home/me/weight.py"
    weight.metadata_props.add(key="k", value="/home/me")
    x = value("x", TensorProto.FLOAT, [1])
    x.doc_string = "/home/me/value.py"
    x.metadata_props.add(key="k", value="/home/me")
    graph = helper.make_graph(
        [branch],
        "main",
        [x, value("c", TensorProto.BOOL, [])],
        [value("z", TensorProto.FLOAT, [1])],
        [weight],
        doc_string="/home/me/graph.py",
    )
    graph.metadata_props.add(key="k", value="/home/me")
    function = helper.make_function(
        "my", "f", ["x"], ["y"], [inner_node], [helper.make_opsetid("", 20)]
    )
    function.doc_string = "/home/me/function.py"
    function.metadata_props.add(key="k", value="/home/me")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("my", 1)]
    model = helper.make_model(
        graph, functions=[function], opset_imports=opsets, producer_name="pytorch"
    )
    model.producer_version = "2.13"
    model.doc_string = "/home/me/model.py"
    for key in ("onnxsim.changed_nodes", "edgecnn", "edgecnn.golden", "edgecnnish"):
        model.metadata_props.add(key=key, value="v")
    return model


def test_nothing_of_the_host_is_left():
    model = _leaky()
    assert model.SerializeToString().count(b"/home/me") >= 13
    strip_paths(model)
    assert b"/home/me" not in model.SerializeToString()
    assert b"stack_trace" not in model.SerializeToString()


def test_graph_and_weights_stay():
    model = _leaky()
    strip_paths(model)
    assert [node.op_type for node in model.graph.node] == ["If"]
    assert model.graph.initializer[0].float_data[0] == 1.0
    assert model.graph.node[0].attribute[0].g.node[0].op_type == "Identity"
    onnx.checker.check_model(model)


def test_only_our_keys_stay_and_the_producer_is_normal():
    model = _leaky()
    strip_paths(model)
    assert [entry.key for entry in model.metadata_props] == ["edgecnn", "edgecnn.golden"]
    assert (model.producer_name, model.producer_version) == ("edgecnn", "")
