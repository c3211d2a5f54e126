from __future__ import annotations

import sys

import pytest

from edgecnn.export.code_files import code_files
from edgecnn.export.locked_file import find_locked
from edgecnn.export.open_source import open_source

NET = """
import torch

from .parts.blocks import block
from . import sizes


def build():
    from . import late
    return torch.nn.Sequential(block(sizes.WIDTH), late.last())
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    files = {
        "lockednets/__init__.py": "",
        "lockednets/net.py": NET,
        "lockednets/sizes.py": "WIDTH = 3\n",
        "lockednets/late.py": "import torch\n\n\ndef last():\n    return torch.nn.Flatten()\n",
        "lockednets/other.py": "raise RuntimeError\n",
        "lockednets/parts/__init__.py": '"""Parts."""\n',
        "lockednets/parts/blocks.py": "import torch\n\n\ndef block(n):\n"
        "    return torch.nn.Conv2d(n, n, 1)\n",
        "lockedplain.py": "import json\n\nfrom lockedbeside import build\n",
        "lockedbeside.py": "import torch\n\n\ndef build():\n    return torch.nn.Identity()\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("locked")]:
        del sys.modules[name]


def _names(paths, root):
    return [str(path.relative_to(root)) for path in paths]


def test_of_a_package_what_the_network_imports(package):
    source = open_source("lockednets.net:build")
    # Its own first; not what it does not import, and not what is empty.
    assert _names(code_files("lockednets.net"), package) == [
        "lockednets/net.py",
        "lockednets/late.py",
        "lockednets/parts/__init__.py",
        "lockednets/parts/blocks.py",
        "lockednets/sizes.py",
    ]
    assert [file.name for file in source.lock.files] == [
        "net.py",
        "late.py",
        "__init__.py",
        "blocks.py",
        "sizes.py",
    ]
    assert {file.role for file in source.lock.files} == {"code"}


def test_of_a_single_module_what_lies_beside_it(package):
    open_source("lockedplain:build")
    assert _names(code_files("lockedplain"), package) == ["lockedplain.py", "lockedbeside.py"]


def test_a_helper_that_was_changed_since_is_seen(package):
    lock = open_source("lockednets.net:build").lock
    assert all(one.same for one in find_locked(lock.files, [package]))
    (package / "lockednets" / "sizes.py").write_text("WIDTH = 4\n")
    changed = [one.path.name for one in find_locked(lock.files, [package]) if not one.same]
    assert changed == ["sizes.py"]
