import contextlib
import socket
import threading
import time

import cv2
import numpy as np
import pytest

from edgecnn.errors import SourceError
from edgecnn.runtime.sources.stream import Stream


class MjpegServer:
    """Serves numbered pictures as Motion JPEG, then ends or stalls."""

    def __init__(self, frames, *, then):
        self._frames, self._then = frames, then
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.requests = []

    @property
    def port(self):
        return self._socket.getsockname()[1]

    def url(self, credentials=""):
        return f"http://{credentials}127.0.0.1:{self.port}/cam.mjpg"

    def close(self):
        self._over.set()
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=[client], daemon=True).start()

    def _answer(self, client):
        with contextlib.suppress(OSError), client:
            self.requests.append(client.recv(4096))
            if self._then == "locked" and b"Authorization" not in self.requests[-1]:
                client.sendall(
                    b'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n'
                )
                return
            if self._then == "silent":
                self._over.wait(30)
                return
            client.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
            )
            for number in range(self._frames):
                _, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 2 * number, np.uint8))
                head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {jpeg.size}\r\n\r\n"
                client.sendall(head.encode() + jpeg.tobytes() + b"\r\n")
                time.sleep(0.005)
            if self._then == "stall":
                self._over.wait(30)


@pytest.fixture
def serve():
    servers = []

    def make(frames=60, then="end"):
        servers.append(MjpegServer(frames, then=then))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def _read_all(source):
    frames = []
    try:
        while True:
            frames.append(source.read())
    except SourceError as error:
        return frames, error


def test_a_stream_that_ends_is_an_error_after_its_last_frame(serve):
    source = Stream(serve(60).url(), open_s=30, read_s=2)
    source.open()
    assert source.live
    frames, error = _read_all(source)
    source.close()
    assert len(frames) >= 55
    assert [f.number for f in frames] == list(range(len(frames)))
    assert "ended or stalled after" in error.message


def test_a_stream_that_stalls_is_given_up_after_its_time(serve):
    source = Stream(serve(60, then="stall").url(), open_s=30, read_s=2)
    source.open()
    started = time.monotonic()
    frames, _ = _read_all(source)
    took = time.monotonic() - started
    source.close()
    assert len(frames) >= 40
    # The server goes on saying nothing for 30 s.
    assert 0.5 < took < 20


def test_an_address_that_never_answers_is_given_up_after_its_time(serve):
    source = Stream(serve(then="silent").url(), open_s=1, read_s=1)
    started = time.monotonic()
    with pytest.raises(SourceError, match="cannot be opened"):
        source.open()
    assert time.monotonic() - started < 20


def test_credentials_are_used_and_never_shown(serve, capfd):
    server = serve(60, then="locked")
    source = Stream(server.url("bob:geheim@"), open_s=30, read_s=2)
    source.open()
    frame = source.read()
    _, error = _read_all(source)
    source.close()
    assert any(b"Authorization: Basic" in request for request in server.requests)
    shown = [source.description, frame.source, error.message, error.hint or "", *capfd.readouterr()]
    assert not any("geheim" in text or "bob" in text for text in shown)


def test_a_refused_connection_says_so_without_credentials(capfd):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    source = Stream(f"rtsp://bob:geheim@127.0.0.1:{port}/live", open_s=1)
    with pytest.raises(SourceError) as caught:
        source.open()
    output = capfd.readouterr()
    for text in (str(caught.value), caught.value.hint, output.out, output.err):
        assert "geheim" not in text


@pytest.mark.data
def test_a_finished_video_that_breaks_off_is_an_error(data_root):
    content = (data_root / "video" / "one-by-one-person-detection.mp4").read_bytes()

    def answer(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError), client:
                    client.recv(4096)
                    head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
                    client.sendall(head.encode() + content[: len(content) // 5])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=[listener], daemon=True).start()
        source = Stream(f"http://127.0.0.1:{listener.getsockname()[1]}/a.mp4", open_s=30, read_s=2)
        source.open()
        assert not source.live
        frames, error = _read_all(source)
        source.close()
    assert 50 < len(frames) < 500
    assert f"ended {1394 - len(frames)} frames early" in error.message
