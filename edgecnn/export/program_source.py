"""A program of ``torch.export`` (``.pt2``) as what is exported."""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import onnx
import torch

from edgecnn.errors import MissingFileError, ModelError
from edgecnn.export.axes import FreeAxes
from edgecnn.export.locked_file import locked
from edgecnn.export.reference import one_line, reference_answers
from edgecnn.export.source import Answers
from edgecnn.export.trace import DEFAULT_OPSET, translate
from edgecnn.export.weights_hash import weights_sha256
from edgecnn.metadata import ExportLock
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["ProgramSource", "read_program"]

#: Members of an archive that are pickles of objects, not of tensors.
_OBJECTS = ("custom_obj", "opaque_obj")


class ProgramSource:
    """A saved ``torch.export`` program; see :class:`~.source.Source`.

    Parameters
    ----------
    path : Path

    Raises
    ------
    MissingFileError
        No such file.
    ModelError
        Not such a program, or one that holds more than tensors.
    """

    origin = "PyTorch"
    opset = DEFAULT_OPSET
    batch: int | None = None
    alone = True

    def __init__(self, path: Path) -> None:
        self.program = read_program(path)
        self.file: Path | None = path
        self.title = path.name
        self._module = self.program.module()
        self.parameters = sum(p.numel() for p in self.program.parameters())
        self.lock = ExportLock(
            source="program",
            name=path.name,
            files=(locked(path, "program"),),
            weights_sha256=weights_sha256(self.program.state_dict),
        )

    def outputs(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return the contract's: a program's own names are not meant for anyone."""
        return tuple(named)

    def answers(
        self, inputs: Tensors, outputs: Sequence[str], *, rows: int | None = None
    ) -> Answers:
        """Run the program; see :meth:`.source.Source.answers`."""
        return reference_answers(self._module, inputs, outputs, title=self.title, rows=rows)

    def graph(
        self, samples: Tensors, outputs: Sequence[str], axes: FreeAxes, opset: int
    ) -> onnx.ModelProto:
        """Translate it, and give its free axes the contract's names."""
        wanted = len(self.program.graph_signature.user_inputs)
        if wanted != len(samples):
            raise ModelError(
                f"{self.title} takes {wanted} inputs, the contract names {', '.join(samples)}"
            )
        model = translate(self.program, tuple(samples), outputs, opset=opset)
        names: dict[str, str] = {}
        for value in model.graph.input:
            for number, axis in {0: "batch", **axes.get(value.name, {})}.items():
                dimension = value.type.tensor_type.shape.dim[number]
                if not dimension.dim_param:
                    raise ModelError(
                        f"{self.title} was exported for a {axis} of {dimension.dim_value} only",
                        hint="torch.export.export(..., dynamic_shapes=({0: Dim('batch')},)) frees "
                        "the first axis",
                    )
                names[dimension.dim_param] = axis
        _rename_axes(model, names)
        return model

    def diverging_layer(
        self, graph: onnx.ModelProto, inputs: Tensors, *, atol: float, rtol: float
    ) -> str | None:
        """Compare node by node; see :meth:`.source.Source.diverging_layer`."""
        from edgecnn.export.interpreted import diverging_node

        return diverging_node(self.program, graph, inputs, atol=atol, rtol=rtol)


def read_program(path: Path) -> torch.export.ExportedProgram:
    """Read a program that ``torch.export.save`` wrote.

    What it holds besides tensors, torch unpickles, which runs whatever code is in it: such a file
    is refused. The program itself is still code that someone wrote: take it from where you would
    take a Python module.

    Raises
    ------
    MissingFileError, ModelError
        As of :class:`ProgramSource`.
    """
    if not path.is_file():
        raise MissingFileError(f"no such program: {path}")
    try:
        _refuse_objects(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.load(path)
    except ModelError:
        raise
    # A damaged archive fails in zipfile, in JSON, in torch's schema or in its C++ reader.
    except Exception as error:
        raise ModelError(
            f"{path} is no program of torch.export: {one_line(error)}",
            hint="save it with torch.export.save(program, path)",
        ) from error


def _refuse_objects(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        pickled = {
            entry["path_name"]
            for name in archive.namelist()
            if name.endswith("_config.json")
            for entry in msgspec.json.decode(archive.read(name)).get("config", {}).values()
            if entry.get("use_pickle")
        }
        for name in archive.namelist():
            base = name.rpartition("/")[2]
            content = archive.read(name)
            if base.startswith(_OBJECTS):
                raise _holds_objects(path, base)
            if base in pickled or base.endswith(".pt") or content.startswith(b"PK\x03\x04"):
                try:
                    torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
                except pickle.UnpicklingError as error:
                    raise _holds_objects(path, base) from error


def _holds_objects(path: Path, member: str) -> ModelError:
    return ModelError(
        f"{path} holds more than tensors ({member}): loading it would run code",
        hint="export a program without custom objects, from plain tensors",
    )


def _rename_axes(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Give symbolic sizes other names, in expressions of them too."""
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_param = pattern.sub(lambda m: names[m[0]], dimension.dim_param)
