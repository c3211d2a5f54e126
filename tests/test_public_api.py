"""The public interface: written down once, complete, and loaded late."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import edgecnn


def names_for_type_checkers() -> dict[str, str]:
    """Name -> module of the imports under ``if TYPE_CHECKING``."""
    tree = ast.parse(Path(edgecnn.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_three_lists_are_one() -> None:
    assert edgecnn.__all__ == sorted(edgecnn.__all__)
    assert set(edgecnn._HOME) == set(edgecnn.__all__)
    assert names_for_type_checkers() == edgecnn._HOME


@pytest.mark.parametrize("name", edgecnn.__all__)
def test_every_name_is_there(name: str) -> None:
    value = getattr(edgecnn, name)
    assert value.__name__ == name
    assert name in import_module(edgecnn._HOME[name]).__all__
    assert value.__doc__


def test_dir_lists_the_public_names_and_no_others() -> None:
    assert set(dir(edgecnn)) == {*edgecnn.__all__, "__version__"}


def test_no_name_is_a_submodules() -> None:
    folder = Path(edgecnn.__file__).parent
    modules = {path.stem for path in folder.iterdir()}
    assert modules & {"export", "calibration", "runtime", "doctor"}
    assert not modules & set(edgecnn.__all__)


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        edgecnn.train  # noqa: B018


def test_importing_loads_the_standard_library_only(device_python: Path, tmp_path: Path) -> None:
    code = "import sys, edgecnn; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [device_python, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.split()) - sys.stdlib_module_names - {"__main__", "__mp_main__"}
    assert loaded == {"edgecnn"}


def test_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from edgecnn import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(edgecnn.__all__)


def test_version_is_the_projects() -> None:
    import tomllib

    project = Path(edgecnn.__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == edgecnn.__version__


@pytest.mark.parametrize("name", edgecnn.__all__)
def test_paths_may_be_text(name: str) -> None:
    """Whoever calls from outside has strings."""
    function = getattr(edgecnn, name)
    if inspect.isfunction(function):
        for parameter in inspect.signature(function).parameters.values():
            kind = str(parameter.annotation)
            assert "Path" not in kind or "str" in kind or "None" in kind, parameter
