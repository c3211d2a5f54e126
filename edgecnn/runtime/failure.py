"""What ONNX Runtime says when a network fails on an input, without the C++ around it."""

from __future__ import annotations

import re

__all__ = ["failure_text"]

_CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NODE = re.compile(r"while running (?P<operator>\w+) node\. Name:'(?P<name>[^']*)' Status Message:")
_MOST = 300


def failure_text(error: Exception) -> str:
    """Return one line of bounded length: the node, and what is wrong with what it was given.

    Examples
    --------
    >>> failure_text(RuntimeError(
    ...     "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while "
    ...     "running Reshape node. Name:'flatten' Status Message: /src/reshape_helper.h:40 "
    ...     "ReshapeHelper::ReshapeHelper(const TensorShape&) size == size_left was false. "
    ...     "Input shape:{2,3}, requested shape:{1,3}"))
    "Reshape node 'flatten': Input shape:{2,3}, requested shape:{1,3}"
    """
    text = _CODE.sub("", " ".join(str(error).split()))
    text = text.removesuffix(" Please fix either the inputs/outputs or the model.")
    where = ""
    if node := _NODE.search(text):
        where = f"{node['operator']} node"
        where += f" {node['name']!r}: " if node["name"] else ": "
        # A condition of the source's own, with the file's path before it.
        text = text[node.end() :].rpartition(" was false. ")[2].strip()
    return where + text[-_MOST:]
