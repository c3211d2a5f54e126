import re

import cv2
import pytest

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.gstreamer import GStreamer
from edgecnn.runtime.sources.registry import open_lasting, open_source
from edgecnn.runtime.sources.settings import SourceSettings

PIPELINE = "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48 ! videoconvert ! appsink"
HAS_IT = bool(re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()))


def test_only_the_command_line_may_bring_a_program():
    with pytest.raises(UsageError, match="only the command line"):
        open_source(PIPELINE)
    settings = SourceSettings(may_run_pipelines=True)
    assert isinstance(open_lasting(PIPELINE, settings).source, GStreamer)


def test_its_properties_are_not_shown():
    source = GStreamer("rtspsrc location=rtsp://bob:geheim@cam/1 ! decodebin")
    assert source.description == "pipeline of rtspsrc"


@pytest.mark.skipif(HAS_IT, reason="this OpenCV has GStreamer")
def test_an_opencv_without_it_says_what_is_needed():
    with pytest.raises(SourceError, match="no GStreamer in it") as caught:
        GStreamer(PIPELINE).open()
    assert "python3-opencv" in caught.value.hint


@pytest.mark.skipif(not HAS_IT, reason="pip's OpenCV has no GStreamer")
def test_a_pipeline_gives_its_pictures():
    source = GStreamer(PIPELINE)
    source.open()
    assert source.read().data.shape == (48, 64, 3)
    source.close()
