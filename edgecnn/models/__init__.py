"""Networks in PyTorch: one file per family, and an explicit registry of names."""

from __future__ import annotations

from edgecnn.models.registry import Architecture, architecture, create_model, model_names

__all__ = ["Architecture", "architecture", "create_model", "model_names"]
