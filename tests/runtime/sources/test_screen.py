import subprocess
import sys
import time
from shutil import which

import numpy as np
import pytest

from edgecnn.errors import MissingPackageError, SourceError, UsageError
from edgecnn.runtime.sources.screen import Screen

WIDTH, HEIGHT = 320, 240


@pytest.fixture
def framebuffer(tmp_path, monkeypatch):
    """A real X server without a monitor; what is written into the array is on its screen."""
    pytest.importorskip("mss")
    if which("Xvfb") is None:
        pytest.skip("there is no Xvfb")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir"]
    with subprocess.Popen(
        [*command, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().strip()}")
        file = tmp_path / "Xvfb_screen0"
        head = np.fromfile(file, ">u4", 25)
        start = int(head[0] + 12 * head[19])  # its header and colour map
        pixels = np.memmap(file, np.uint8, "r+", start, (HEIGHT, int(head[12]) // 4, 4))
        yield pixels[:, :WIDTH, :3]
        del pixels
        server.terminate()


def test_it_shows_what_is_on_the_screen(framebuffer):
    framebuffer[:] = (10, 20, 30)
    framebuffer[50:100, 60:120] = (250, 120, 5)
    source = Screen("screen:1?fps=50")
    source.open()
    first = source.read()
    assert first.data.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(first.data, framebuffer)
    framebuffer[:] = 77
    started = time.monotonic()
    frames = [source.read() for _ in range(10)]
    assert 0.14 < time.monotonic() - started < 30
    source.close()
    assert (frames[-1].data == 77).all()
    assert [f.number for f in frames] == list(range(1, 11))
    assert source.description == "screen:1 (320x240, 50 fps)"


def test_a_part_of_it(framebuffer):
    framebuffer[:] = np.random.default_rng(0).integers(0, 256, framebuffer.shape)
    source = Screen("screen:?region=40,20,64,48")
    source.open()
    assert np.array_equal(source.read().data, framebuffer[20:68, 40:104])
    source.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [("screen:7", "no screen 7"), ("screen:?region=300,0,64,48", "outside of the screen")],
)
def test_what_is_not_there_is_an_error(framebuffer, text, says):
    source = Screen(text)
    with pytest.raises(SourceError, match=says):
        source.open()
    source.close()


@pytest.mark.parametrize(
    "text", ["screen:left", "screen:?region=1,2", "screen:?region=0,0,0,9", "screen:?zoom=2"]
)
def test_what_means_nothing_is_refused(text):
    with pytest.raises(UsageError):
        Screen(text)


def test_without_a_display_it_says_so(monkeypatch):
    pytest.importorskip("mss")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SourceError, match="no X display"):
        Screen().open()
    monkeypatch.setenv("DISPLAY", ":9999")
    with pytest.raises(SourceError, match="cannot be read"):
        Screen().open()


def test_without_its_package_it_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "mss", None)
    with pytest.raises(MissingPackageError, match="mss") as caught:
        Screen().open()
    assert "edgecnn[screen" in caught.value.hint
