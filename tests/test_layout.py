"""The checkout as a whole: links, packaging, pins, sizes."""

from __future__ import annotations

import ast
import hashlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, Version]:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(number) for name, number in pairs}


@pytest.mark.parametrize("name", ["export", "calibration", "runtime"])
def test_links_lead_into_the_package(name: str, repository: Path) -> None:
    link = repository / name
    assert link.is_symlink()
    assert link.readlink() == Path("edgecnn") / name
    assert (link / "__init__.py").is_file()


@pytest.mark.parametrize("name", ["export", "calibration", "runtime"])
def test_links_are_no_packages_to_import(name: str, repository: Path) -> None:
    """Every import goes through ``edgecnn``."""
    pattern = re.compile(rf"^\s*(?:from|import) {name}\b", re.MULTILINE)
    for folder in ("edgecnn", "tests", "benchmarks", "docs"):
        for path in (repository / folder).rglob("*.py"):
            assert not pattern.search(path.read_text()), path


def test_lint_sees_every_file_of_the_package_and_no_link(repository: Path) -> None:
    """A bare `export` among ruff's exclusions would leave out edgecnn/export as well."""
    ruff = Path(sys.executable).with_name("ruff")
    listed = subprocess.run(
        [ruff, "check", "--no-cache", "--show-files", "."],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    seen = {Path(line).relative_to(repository) for line in listed}
    written = {
        path.relative_to(repository)
        for folder in ("edgecnn", "tests", "benchmarks")
        for path in (repository / folder).rglob("*.py")
    }
    assert written <= seen
    assert not {path.parts[0] for path in seen} & {"export", "calibration", "runtime"}


def test_a_script_beside_the_clone_imports_the_package(repository: Path, tmp_path: Path) -> None:
    """The clone is a folder named edgecnn too, and comes first on such a script's path."""
    (tmp_path / "edgecnn").symlink_to(repository)
    script = tmp_path / "script.py"
    script.write_text("import edgecnn\nprint(edgecnn.__version__)\n")
    for arguments in ([script], ["-m", "edgecnn", "--version"]):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_licence_is_complete(repository: Path) -> None:
    """The Apache Software Foundation's text, as Debian ships it."""
    digest = hashlib.sha256((repository / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_what_is_installed_is_small(repository: Path) -> None:
    """At most 15 MB as it lies there; a wheel packs it further."""
    files = [p for p in (repository / "edgecnn").rglob("*") if "__pycache__" not in p.parts]
    assert sum(path.stat().st_size for path in files if path.is_file()) < 15e6


def test_notice_names_the_bundled_models_data(repository: Path) -> None:
    notice = (repository / "NOTICE").read_text()
    for path in (repository / "edgecnn" / "bundled").glob("*.onnx"):
        assert path.name.split(".")[0] in notice, path.name


def test_extras(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    assert set(extras) == {
        "cpu", "gpu", "train", "search", "quantize", "ecg", "web", "screen", "serial", "letters",
        "cluster", "dev", "all",
    }  # fmt: skip
    (everything,) = extras["all"]
    assert Requirement(everything).extras == set(extras) - {"cpu", "gpu", "all"}
    assert project["tool"]["uv"]["conflicts"] == [[{"extra": "cpu"}, {"extra": "gpu"}]]


def requirements(project: dict[str, Any]) -> list[Requirement]:
    texts = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        texts += extra
    return [Requirement(text) for text in texts if not text.startswith("edgecnn")]


def test_floors(project: dict[str, Any]) -> None:
    """Security fixes in onnx, node placement in ONNX Runtime; and a release that is bad."""
    wanted = {need.name: need.specifier for need in requirements(project)}
    assert "1.20.9" not in wanted["onnx"]
    assert "1.21" in wanted["onnx"]
    for name in ("onnxruntime", "onnxruntime-gpu"):
        assert "1.23.9" not in wanted[name]
        assert "1.24" in wanted[name]
    assert "4.11.0.86" not in wanted["opencv-python"]
    assert not any(need.name in ("torchvision", "timm") for need in requirements(project))


def test_pins_are_within_the_ranges(project: dict[str, Any], pins: dict[str, Version]) -> None:
    not_installed = {"onnxruntime-gpu", "dask", "pyarrow"}
    for need in requirements(project):
        if need.name not in not_installed:
            assert pins[canonicalize_name(need.name)] in need.specifier, need


def test_both_opencvs_have_one_version(pins: dict[str, Version]) -> None:
    assert pins["opencv-python"] == pins["opencv-python-headless"]


def test_what_is_installed_is_what_is_pinned(pins: dict[str, Version]) -> None:
    """Or the tests say nothing about the pins."""
    other = {}
    for name, pin in pins.items():
        try:
            here = Version(version(name))
        except PackageNotFoundError:
            continue
        # A local label (+cpu) is the same release from another index.
        if here.public != pin.public:
            other[name] = (str(pin), str(here))
    assert not other


def test_package_data_covers_every_file(project: dict[str, Any], repository: Path) -> None:
    """What is no Python and matches no pattern would be missing from an install."""
    patterns = project["tool"]["setuptools"]["package-data"]["edgecnn"]
    package = repository / "edgecnn"
    covered = {path for pattern in patterns for path in package.glob(pattern)}
    for path in tracked(repository):
        if path.parts[0] == "edgecnn" and path.suffix != ".py":
            assert repository / path in covered, path


def tracked(repository: Path) -> list[Path]:
    """Files that git has, or where there is no git, all but what is made here."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode == 0 and done.stdout:
        return [Path(name) for name in done.stdout.split("\0") if name]
    made = re.compile(
        r"\.(git|venv|\w+_cache|hypothesis)|__pycache__|site|runs|build|dist|.*egg-info"
    )
    paths = [path.relative_to(repository) for path in repository.rglob("*") if path.is_file()]
    return [path for path in paths if not any(made.fullmatch(part) for part in path.parts)]


def test_no_file_is_large(repository: Path) -> None:
    for path in tracked(repository):
        if (repository / path).is_file():
            assert (repository / path).stat().st_size <= 2_000_000, path


def test_tests_mirror_the_package(repository: Path) -> None:
    """``tests/ecg/test_peaks.py`` tests ``edgecnn/ecg/peaks.py``: a folder for a folder."""
    for path in (repository / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(repository / "tests")
        assert (repository / "edgecnn" / folder).is_dir(), path


def test_every_library_module_says_what_is_public(repository: Path) -> None:
    for path in (repository / "edgecnn").rglob("*.py"):
        if path.parent.name == "cli" or path.name in ("__main__.py", "__init__.py"):
            continue
        tree = ast.parse(path.read_text())
        assigned = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert "__all__" in assigned, path
        assert ast.get_docstring(tree), path


def test_ci_runs_what_the_readme_says(repository: Path) -> None:
    script = (repository / ".ci" / "run").read_text()
    assert script.rstrip().endswith("make test\nmake check")
    assert "make test" in (repository / "README.md").read_text()
    assert (repository / ".ci" / "run").stat().st_mode & 0o111
