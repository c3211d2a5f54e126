"""Which ONNX Runtime can load a file."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["oldest_runtime"]

#: Release, with the newest opset and IR version that it reads: from ONNX Runtime's compatibility
#: page, which names the release of ONNX in each, and ONNX's own table of versions. A release that
#: is not listed reads what the one before it does.
_RELEASES = (
    ("1.0", 11, 6),
    ("1.3", 12, 7),
    ("1.6", 13, 7),
    ("1.8", 14, 7),
    ("1.9", 15, 8),
    ("1.11", 16, 8),
    ("1.12", 17, 8),
    ("1.14", 18, 8),
    ("1.15", 19, 9),
    ("1.17", 20, 9),
    ("1.18", 21, 10),
    ("1.21", 22, 10),
    ("1.23", 23, 11),
)


def oldest_runtime(ir_version: int | None, opset: Mapping[str, int]) -> str | None:
    """Return the oldest ONNX Runtime that reads a file of this IR version and opset.

    Operators of other domains than ONNX's own are not looked at: a release may lack one.

    Returns
    -------
    str or None
        None: newer than the published table.

    Examples
    --------
    >>> oldest_runtime(10, {"": 17}), oldest_runtime(8, {"": 17})
    ('1.18', '1.12')
    """
    wanted = opset.get("", opset.get("ai.onnx", 0))
    for release, newest, newest_ir in _RELEASES:
        if wanted <= newest and (ir_version or 0) <= newest_ir:
            return release
    return None
