import cv2
import numpy as np
import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.sources.camera import Camera
from edgecnn.runtime.sources.fault_camera import FaultCamera
from edgecnn.runtime.sources.folder import Folder
from edgecnn.runtime.sources.registry import SOURCES, open_source
from edgecnn.runtime.sources.screen import Screen
from edgecnn.runtime.sources.stdin import Stdin
from edgecnn.runtime.sources.stream import Stream
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.video import Video


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", Camera),
        ("/dev/video12", Camera),
        ("1?size=1280x720&fps=15", Camera),
        ("test:", TestCamera),
        ("test:digits?fps=5", TestCamera),
        ("rtsp://user:pass@host/live", Stream),
        ("http://host:8080/cam.mjpg?x=1", Stream),
        ("-", Stdin),
        ("stdin:raw?size=64x48", Stdin),
        ("screen:", Screen),
        ("fault:black", FaultCamera),
        ("a.jpg", Folder),
        ("photos/*.png", Folder),
        ("walk.mp4", Video),
        ("some/where", Video),
    ],
)
def test_a_text_means_one_kind(text, kind):
    assert isinstance(open_source(text), kind)


def test_a_folder_is_known_by_being_one(tmp_path):
    assert isinstance(open_source(str(tmp_path)), Folder)


def test_a_file_with_a_strange_name_is_still_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cam:1.mkv").write_bytes(b"")
    assert isinstance(open_source("cam:1.mkv"), Video)
    cv2.imwrite(str(tmp_path / "a[1].png"), np.zeros((4, 4, 3), np.uint8))
    source = open_source("a[1].png")
    source.open()
    assert source.read().fault == ""


@pytest.mark.parametrize("text", ["", "  ", "foo:bar", "ftp://bob:geheim@host/x"])
def test_what_means_nothing_is_a_usage_error_that_lists_the_kinds(text):
    with pytest.raises(UsageError) as caught:
        open_source(text)
    assert "geheim" not in str(caught.value)
    for kind in SOURCES:
        assert kind.example in caught.value.hint


def test_every_example_means_its_own_kind():
    for kind in SOURCES:
        assert next(k for k in SOURCES if k.matches(kind.example)) is kind
