"""Nodes that a person wants left in FP32."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from edgecnn.errors import UsageError

__all__ = ["check_excluded"]


def check_excluded(model: onnx.ModelProto, exclude: Sequence[str]) -> None:
    """Refuse names that no node of a graph has.

    Raises
    ------
    UsageError
    """
    strays = set(exclude) - {node.name for node in model.graph.node}
    if strays:
        raise UsageError(
            f"no node {', '.join(sorted(strays))}", hint="`edgecnn inspect --json` lists the nodes"
        )
