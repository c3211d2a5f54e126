"""Names for nodes that a file left without."""

from __future__ import annotations

import onnx

__all__ = ["name_nodes"]


def name_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give each node a name, in place, so that it can be spoken of.

    Returns
    -------
    onnx.ModelProto
        The same model.

    Examples
    --------
    >>> relu = onnx.helper.make_node("Relu", ["x"], ["y"])
    >>> model = onnx.helper.make_model(onnx.helper.make_graph([relu], "g", [], []))
    >>> name_nodes(model).graph.node[0].name
    'Relu_0'
    """
    names = {node.name for node in model.graph.node}
    for number, node in enumerate(model.graph.node):
        if node.name:
            continue
        made, more = f"{node.op_type}_{number}", 1
        while made in names:
            more += 1
            made = f"{node.op_type}_{number}_{more}"
        names.add(made)
        node.name = made
    return model
