"""Which execution provider runs a model, proved from the session and never from a list.

``onnxruntime.get_available_providers()`` names what was compiled in. Whether CUDA's libraries are
there, and which nodes it took, is known only once a session exists.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgecnn.errors import MissingPackageError, ProviderError, UsageError

__all__ = [
    "PROVIDERS",
    "Placement",
    "execution_provider",
    "import_runtime",
    "placement_of",
    "require_all",
    "short_name",
]

#: Names on the command line and ONNX Runtime's own; the set is open, ``auto`` is resolved apart.
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}


@dataclass(frozen=True)
class Placement:
    """Where the nodes of a session run.

    Attributes
    ----------
    provider : str
        The provider that was asked for or chosen: ``"cpu"``, ``"cuda"``, ...
    nodes : dict
        Number of nodes by provider name, as ONNX Runtime placed them, before its later fusions.
    reason : str
        Why this provider was taken.
    operators : dict
        Number of nodes by operator.
    elsewhere : dict
        The same of those that another provider got.
    cached : Path or None
        The optimised model that was opened in the file's place.
    """

    provider: str
    nodes: dict[str, int]
    reason: str
    operators: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, int] = field(default_factory=dict)
    cached: Path | None = None

    @property
    def on_provider(self) -> str:
        """How many nodes the provider got, as ``"57/57"``."""
        return f"{self.nodes.get(self.provider, 0)}/{sum(self.nodes.values())}"


def import_runtime() -> Any:
    """Import ONNX Runtime, or say which of the two packages to install."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError(
            "ONNX Runtime is not installed",
            hint="pip install 'edgecnn[cpu]', or 'edgecnn[gpu]' for CUDA, not both",
        ) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        raise MissingPackageError(
            "ONNX Runtime is installed but broken",
            hint="onnxruntime and onnxruntime-gpu overwrite each other: uninstall both, then "
            "install one",
        )
    return onnxruntime


def execution_provider(name: str) -> str:
    """Return ONNX Runtime's name for ours: ``"cuda"`` gives ``"CUDAExecutionProvider"``."""
    try:
        return PROVIDERS[name]
    except KeyError:
        raise UsageError(
            f"unknown provider: {name}", hint=f"one of auto, {', '.join(PROVIDERS)}"
        ) from None


def short_name(execution_provider_name: str) -> str:
    """Return our name for ONNX Runtime's: the inverse of :func:`execution_provider`."""
    for short, long in PROVIDERS.items():
        if long == execution_provider_name:
            return short
    return execution_provider_name.removesuffix("ExecutionProvider").lower()


def placement_of(session: Any, provider: str, reason: str) -> Placement:
    """Read from a session which provider got which nodes.

    Raises
    ------
    ProviderError
        The provider did not start, or got no node.
    """
    nodes: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        for node in subgraph.get_nodes():
            nodes[short_name(subgraph.ep_name)] += 1
            operators[node.op_type] += 1
            if short_name(subgraph.ep_name) != provider:
                elsewhere[node.op_type] += 1
    started = [short_name(name) for name in session.get_providers()]
    if provider not in started:
        raise ProviderError(
            f"{provider} did not start: the session runs on {', '.join(started)}",
            hint="`edgecnn doctor` names the missing libraries",
        )
    if nodes and not nodes[provider]:
        raise ProviderError(
            f"{provider} started but took none of the {sum(nodes.values())} nodes",
            hint=f"run it with --provider {started[-1]}",
        )
    return Placement(provider, dict(nodes), reason, dict(operators), dict(elsewhere))


def require_all(placement: Placement, file: Path) -> None:
    """See that a provider got all nodes.

    Raises
    ------
    ProviderError
        It did not; the operators that it left are named.
    """
    if not placement.elsewhere:
        return
    left = ", ".join(f"{count} {name}" for name, count in sorted(placement.elsewhere.items()))
    raise ProviderError(
        f"{file}: {placement.provider} runs {placement.on_provider} nodes, and leaves {left}",
        hint="export it without these operators, or leave out --require-provider",
    )
