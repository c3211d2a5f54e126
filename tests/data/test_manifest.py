from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.data.manifest import is_manifest, read_manifest
from edgecnn.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b c.png", "d.JPG"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


FORMS = {
    "header.csv": "label,path\n0,a.jpg\n1,b c.png\n2,d.JPG\n",
    "bare.csv": "a.jpg,0\nb c.png,1\nd.JPG,2\n",
    "semicolon.csv": "filename;class\na.jpg;0\n\nb c.png;1\nd.JPG;2\n",
    "tabs.tsv": "image\ttarget\na.jpg\t0\nb c.png\t1\nd.JPG\t2\n",
    "bom.csv": "\ufeffpath,label\r\na.jpg,0\r\nb c.png,1\r\nd.JPG,2\r\n",
    "lines.jsonl": '{"path": "a.jpg", "label": 0}\n{"file": "b c.png", "class": "1"}\n'
    '{"image": "d.JPG", "y": 2}\n',
    "list.txt": "a.jpg 0\nb c.png 1\nd.JPG\t2\n",
    "list.lst": "a.jpg 0\nb c.png 1\nd.JPG 2\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(folder: Path, name: str) -> None:
    (folder / name).write_text(FORMS[name])
    assert is_manifest(folder / name)
    manifest = read_manifest(folder / name)
    assert [path.name for path in manifest.paths] == ["a.jpg", "b c.png", "d.JPG"]
    assert manifest.labels == ("0", "1", "2")
    assert manifest.holds == "pictures"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path\na.jpg\nb c.png\n"),
        ("a.csv", "a.jpg\nb c.png\n"),
        ("a.txt", "a.jpg\nb c.png\n"),
        ("a.jsonl", '{"path": "a.jpg"}\n{"path": "b c.png", "label": null}\n'),
    ],
)
def test_without_labels(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    manifest = read_manifest(folder / name)
    assert manifest.labels is None
    assert len(manifest.paths) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "path,label\n", "names no files"),
        (
            "a.csv",
            "path,label\na.jpg,0\nnone.jpg,1\nnor.jpg,1\n",
            r"line 3.*none\.jpg \(and 1 more",
        ),
        ("a.csv", "path,label\na.jpg,0\nd.JPG,\n", "line 3 has no label"),
        ("a.csv", "label,path\n0,\n", "line 2 has no path"),
        ("a.jsonl", '{"path": "a.jpg"}\n{"path"\n', "line 2 is no JSON object"),
        ("a.jsonl", '{"where": "a.jpg"}\n', "line 1 has no path"),
        ("a.txt", "a.jpg 0\nnone.jpg 1\n", r"line 2: no such file: none\.jpg"),
    ],
)
def test_broken(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DatasetError, match=said):
        read_manifest(folder / name)


def test_a_text_is_a_list_only_if_its_lines_name_files(folder: Path) -> None:
    (folder / "play.txt").write_text("First Citizen:\nBefore we proceed any further, hear me.\n")
    (folder / "none.txt").write_text("")
    assert not is_manifest(folder / "play.txt")
    assert not is_manifest(folder / "none.txt")
    assert not is_manifest(folder / "absent.csv")


@pytest.mark.parametrize("line", ["the cat sat on the mat. " * 400, "a\0b", ".", "..", "/"])
def test_prose_that_cannot_be_a_files_name_is_no_list(folder: Path, line: str) -> None:
    (folder / "play.txt").write_text(f"{line}\n")
    assert not is_manifest(folder / "play.txt")
    (folder / "list.lst").write_text(f"a.jpg\n{line}\n")
    with pytest.raises(DatasetError, match=r"line 2: no such file|is no text$") as error:
        read_manifest(folder / "list.lst")
    assert len(error.value.message) < 600
