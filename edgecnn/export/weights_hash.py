"""One hash for all weights of a network, whatever file they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch

__all__ = ["weights_sha256"]


def weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """Hash tensors by name, type, shape and value.

    Examples
    --------
    >>> one, two = ({"w": torch.zeros(shape)} for shape in ((2, 3), (3, 2)))
    >>> weights_sha256(one) == weights_sha256(two)
    False
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        # As bytes: NumPy has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
