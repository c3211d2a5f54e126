"""What a file holds, against what the onnx package says of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest

from edgecnn.bundled import bundled_models
from edgecnn.errors import MissingFileError, NotAModelError
from edgecnn.files import sha256_of
from edgecnn.runtime.inspection import Tensor, inspect_model
from edgecnn.runtime.session import load_model


def test_a_file_of_ours(picture_model: Path) -> None:
    found = inspect_model(picture_model)
    model = load_model(picture_model)
    assert found.metadata == model.metadata
    assert found.golden == model.golden
    assert found.measured is None
    assert found.remarks == ()
    assert found.other_keys == ()
    assert found.size_bytes == picture_model.stat().st_size
    assert found.sha256 == sha256_of(picture_model)


def test_graph_as_onnx_reads_it(picture_model: Path) -> None:
    graph = inspect_model(picture_model).graph
    theirs = onnx.load(picture_model)
    assert graph.ir_version == theirs.ir_version
    assert graph.opset == {item.domain: item.version for item in theirs.opset_import}
    assert graph.inputs == (Tensor("input", "float", ("N", 1, 28, 28)),)
    assert graph.outputs == (Tensor("logits", "float", ("N", 3)),)
    assert list(graph.nodes) == ["cpu"]
    assert set(graph.nodes["cpu"]) <= {node.op_type for node in theirs.graph.node}


def test_every_bundled_model() -> None:
    assert bundled_models()
    for name in bundled_models():
        found = inspect_model(f"bundled:{name}")
        assert found.metadata is not None, name
        assert found.golden is not None, name
        assert found.measured is not None, name
        assert found.metadata.provenance.datasets, name
        assert found.measured.accuracy, name
        assert found.other_keys == (), name


def changed(model: Path, path: Path, key: str, value: str | None) -> Path:
    loaded = onnx.load(model)
    kept = {entry.key: entry.value for entry in loaded.metadata_props if entry.key != key}
    del loaded.metadata_props[:]
    onnx.helper.set_model_props(loaded, kept | ({} if value is None else {key: value}))
    onnx.save(loaded, path)
    return path


def test_no_contract_is_a_remark(picture_model: Path, tmp_path: Path) -> None:
    path = changed(picture_model, tmp_path / "foreign.onnx", "edgecnn", None)
    found = inspect_model(path)
    assert found.metadata is None
    assert len(found.remarks) == 1
    assert "no edgecnn metadata" in found.remarks[0]
    assert found.graph.inputs


def test_broken_contract_is_a_remark(picture_model: Path, tmp_path: Path) -> None:
    path = changed(picture_model, tmp_path / "broken.onnx", "edgecnn", '{"schema": 1}')
    found = inspect_model(path)
    assert found.metadata is None
    assert "does not hold" in found.remarks[0]


def test_keys_of_other_tools(picture_model: Path, tmp_path: Path) -> None:
    path = changed(picture_model, tmp_path / "other.onnx", "author", "someone")
    assert inspect_model(path).other_keys == ("author",)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        inspect_model(tmp_path / "none.onnx")
    for content in (b"", b"hello", bytes(1000)):
        (tmp_path / "x.onnx").write_bytes(content)
        with pytest.raises(NotAModelError):
            inspect_model(tmp_path / "x.onnx")


@pytest.mark.data
def test_foreign_models(data_root: Path) -> None:
    files = sorted((data_root / "models").glob("*.onnx"))
    assert len(files) >= 5
    for file in files:
        found = inspect_model(file)
        theirs = onnx.load(file)
        assert found.graph.ir_version == theirs.ir_version
        assert found.graph.opset == {item.domain: item.version for item in theirs.opset_import}
        assert found.graph.producer == theirs.producer_name
        written = Counter(node.op_type for node in theirs.graph.node)
        # Constants are folded; the heavy operators are as they were written.
        for operator in ("Conv", "ConvInteger", "MaxPool"):
            assert found.graph.nodes["cpu"].get(operator, 0) == written[operator], file
