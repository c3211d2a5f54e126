"""Programs of ``torch.export``."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgecnn.errors import MissingFileError, ModelError, ParityError
from edgecnn.export import exporter
from edgecnn.export.exporter import export_model
from edgecnn.export.program_source import ProgramSource, read_program
from edgecnn.runtime.session import load_model


def _save(net: nn.Module, path: Path, *, free: bool = True) -> Path:
    batch = torch.export.Dim("rows")
    program = torch.export.export(
        net.eval(),
        (torch.zeros(2, 1, 16, 16),),
        dynamic_shapes=({0: batch},) if free else None,
    )
    torch.export.save(program, path)
    return path


@pytest.fixture(scope="module")
def saved(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(net, tmp_path_factory.mktemp("program") / "stripes.pt2")


def test_a_program_becomes_a_file(saved, net, metadata, stripes, tmp_path):
    report = export_model(saved, metadata, stripes, tmp_path / "m.onnx")
    assert report.parameters == sum(p.numel() for p in net.parameters())
    assert report.axes == {"batch": (1, 2, 32)}
    model = load_model(tmp_path / "m.onnx", provider="cpu")
    assert model.metadata.provenance.lock.source == "program"
    x = stripes.inputs(metadata.input, np.arange(5))
    with torch.inference_mode():
        expected = net.eval()(torch.from_numpy(x["input"])).numpy()
    np.testing.assert_allclose(model.run(x), expected, atol=1e-4)
    shape = onnx.load(tmp_path / "m.onnx").graph.input[0].type.tensor_type.shape
    assert shape.dim[0].dim_param == "batch"


def test_a_fixed_batch_is_said(net, metadata, tmp_path):
    fixed = _save(net, tmp_path / "fixed.pt2", free=False)
    with pytest.raises(ModelError, match=r"cannot run|batch of 2 only") as caught:
        export_model(fixed, metadata, None, tmp_path / "m.onnx")
    assert "\n" not in caught.value.message
    assert not (tmp_path / "m.onnx").exists()


def test_the_layer_that_differs(saved, metadata, stripes, tmp_path, monkeypatch):
    right = exporter.simplify

    def wrong(model: onnx.ModelProto) -> onnx.ModelProto:
        changed = onnx.ModelProto()
        changed.CopyFrom(right(model))
        last = [n for n in changed.graph.node if n.op_type == "Conv"][-1]
        name = last.input[2]
        tensor = next(t for t in changed.graph.initializer if t.name == name)
        values = onnx.numpy_helper.to_array(tensor) + np.float32(1)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, name))
        return changed

    monkeypatch.setattr(exporter, "simplify", wrong)
    with pytest.raises(ParityError, match=r"first layer that differs: 4 \(Conv2d\), tensor"):
        export_model(saved, metadata, stripes, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_a_wrong_translation_is_found_in_the_program(saved, stripes, metadata):
    source = ProgramSource(saved)
    x = stripes.inputs(metadata.input, np.arange(3))
    graph = source.graph(x, ("logits",), {}, 20)
    assert source.diverging_layer(graph, x, atol=1e-4, rtol=1e-3) is None
    pool = next(n for n in graph.graph.node if n.op_type == "MaxPool")
    pool.op_type = "AveragePool"
    del pool.attribute[:]
    pool.attribute.extend(
        [
            onnx.helper.make_attribute("kernel_shape", [2, 2]),
            onnx.helper.make_attribute("strides", [2, 2]),
        ]
    )
    assert source.diverging_layer(graph, x, atol=1e-4, rtol=1e-3) == "3 (MaxPool2d)"


class _Harmful:
    def __reduce__(self):
        return (Path("ran").touch, ())


def test_a_pickle_inside_is_not_loaded(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save(_Harmful(), buffer)
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile("bad.pt2", "w") as bad:
        for name in archive.namelist():
            inputs = name.endswith("sample_inputs/model.pt")
            bad.writestr(name, buffer.getvalue() if inputs else archive.read(name))
    with pytest.raises(ModelError, match=r"more than tensors \(model\.pt\)"):
        read_program(Path("bad.pt2"))
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04cut short"])
def test_what_is_no_program(tmp_path, content):
    (tmp_path / "m.pt2").write_bytes(content)
    with pytest.raises(ModelError, match=r"is no program of torch\.export"):
        read_program(tmp_path / "m.pt2")
    with pytest.raises(MissingFileError, match="no such program"):
        read_program(tmp_path / "n.pt2")
