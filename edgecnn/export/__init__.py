"""PyTorch to ONNX: traced, simplified, stripped, made self-describing, verified.

One pass per file; :func:`edgecnn.export.exporter.export_model` runs them all. Only
:mod:`~edgecnn.export.trace`, :mod:`~edgecnn.export.simplify` and
:mod:`~edgecnn.export.factory` need torch: embedding and stripping serve quantization too, which
runs without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgecnn.export.exporter import export_model
    from edgecnn.export.report import ExportReport

__all__ = ["ExportReport", "export_model"]


def __getattr__(name: str) -> Any:
    """Import the exporter, and torch with it, when it is asked for."""
    if name == "ExportReport":
        from edgecnn.export.report import ExportReport

        return ExportReport
    if name == "export_model":
        from edgecnn.export.exporter import export_model

        return export_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
