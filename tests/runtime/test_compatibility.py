"""Which ONNX Runtime loads a file."""

from __future__ import annotations

import onnx.helper
import pytest

from edgecnn.runtime.compatibility import _RELEASES, oldest_runtime


@pytest.mark.parametrize(
    ("ir_version", "opset", "oldest"),
    [
        (10, 17, "1.18"), (9, 20, "1.17"), (8, 17, "1.12"), (7, 12, "1.3"), (6, 11, "1.0"),
        (3, 9, "1.0"), (10, 22, "1.21"), (11, 23, "1.23"), (13, 25, None), (99, 17, None),
    ],
)  # fmt: skip
def test_published_table(ir_version: int, opset: int, oldest: str | None) -> None:
    assert oldest_runtime(ir_version, {"": opset}) == oldest


def test_opsets_and_ir_versions_belong_together_as_onnx_says() -> None:
    """A release reads the IR version that came with its opset."""
    ir_of = {row[2]: row[1] for row in onnx.helper.VERSION_TABLE}
    for release, opset, ir_version in _RELEASES:
        assert ir_of[opset] == ir_version, release


def test_other_domains_do_not_count() -> None:
    assert oldest_runtime(8, {"com.microsoft": 1, "": 16}) == "1.11"
