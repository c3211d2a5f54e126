"""Settings that the tests of quantizing share."""

from __future__ import annotations

#: So small a network does not pay in 8 bits: see ``test_pay.py``.
QUICK = {"samples": 64, "seconds": 0.2, "allow_slower": True}
