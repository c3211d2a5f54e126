"""How far a file may be from what it was made of."""

from __future__ import annotations

__all__ = ["ATOL", "RTOL"]

#: ``|difference| <= ATOL + RTOL * |reference|``. FP32 sums in another order differ by some 1e-6 of
#: the values summed; a wrong constant, axis or padding differs by far more than this.
ATOL = 1e-4
RTOL = 1e-3
