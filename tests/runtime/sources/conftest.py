"""A network camera that the tests let fail: Motion JPEG over HTTP, or HTTPS."""

from __future__ import annotations

import contextlib
import time

import cv2
import numpy as np
import pytest

from edgecnn.runtime.sources.timecode import TimeCode, draw_timecode
from tests.runtime.sources.engine import Engine
from tests.runtime.sources.listening import Listening
from tests.runtime.sources.rtsp_server import RtspCamera

_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"


class CameraServer(Listening):
    """Sends time-coded pictures to whoever connects, in the way that ``mode`` says at the moment.

    ``serve``; ``silent``: accepts and says nothing, and stalls those who are connected;
    ``cut``: every other picture's JPEG ends early; ``drop``: ends each connection, in the middle of
    a picture.
    """

    def __init__(self, *, fps=60, tls=None):
        self.size, self.fps = (320, 240), fps
        self._tls = tls
        self._frame = 0
        super().__init__()

    @property
    def url(self):
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/cam.mjpg"

    def _talk(self, client):
        with contextlib.suppress(OSError), client:
            if self._tls is None:
                self._stream(client)
                return
            with self._tls.wrap_socket(client, server_side=True) as encrypted:
                self._stream(encrypted)

    def _stream(self, client):
        client.recv(4096)
        while self.mode == "silent" and not self._over.wait(0.02):
            pass
        client.sendall(_HEAD)
        due = time.monotonic()
        while not self._over.is_set():
            mode = self.mode
            if mode == "silent":
                self._over.wait(0.02)
                due = time.monotonic()
                continue
            self._send(client, mode)
            if mode == "drop":
                return
            due += 1 / self.fps
            self._over.wait(max(0, due - time.monotonic()))

    def _send(self, client, mode):
        number = self._frame
        self._frame += 1
        width, height = self.size
        picture = np.full((height, width, 3), number % 200, np.uint8)
        draw_timecode(picture, TimeCode(number, round(1000 * number / self.fps)))
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        if mode == "cut" and number % 2:
            jpeg = jpeg[: len(jpeg) // 2]
        head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        if mode == "drop":
            jpeg = jpeg[: len(jpeg) // 2]
        client.sendall(head + jpeg + b"\r\n")


@pytest.fixture
def camera_server():
    """Return a function that starts one."""
    servers = []

    def make(**options):
        servers.append(CameraServer(**options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def rtsp_camera():
    """Return a function that starts one that speaks RTSP."""
    servers = []

    def make(**options):
        servers.append(RtspCamera(**options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def watch():
    """Return a function that starts an engine on a server's stream."""
    engines = []

    def make(server, **options):
        engines.append(Engine(server.url, **options))
        return engines[-1].sink

    yield make
    for engine in engines:
        engine.end()
