"""A camera's password is used, and nothing that ``edgecnn live`` gives out shows it."""

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
import urllib.request

import cv2
import numpy as np
import pytest

SECRETS = ("geheim", "t0ken", "Ym9i")  # the last: "bob:..." as base64, as it is sent


class Camera:
    """Motion JPEG over HTTP for whoever has the password; it ends when the test says so."""

    def __init__(self):
        self.asked, self.over = [], threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"http://bob:geheim@127.0.0.1:{port}/cam.mjpg?token=t0ken&channel=1"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.over.set()
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while not self.over.is_set():
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=[client], daemon=True).start()

    def _answer(self, client):
        with contextlib.suppress(OSError), client:
            request = client.recv(4096).decode()
            self.asked.append(request)
            if "Authorization" not in request:
                client.sendall(
                    b"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=cam\r\n\r\n"
                )
                return
            client.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
            )
            number = 0
            while not self.over.wait(0.02):
                picture = np.full((48, 64, 3), 40 + number % 100, np.uint8)
                number += 1
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                if number % 7 == 0:
                    jpeg = jpeg[: len(jpeg) // 2]  # what FFmpeg complains of
                head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                client.sendall(head.encode() + jpeg + b"\r\n")


@pytest.fixture
def camera():
    made = Camera()
    yield made
    made.close()


def _shows_none(where, content):
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    assert text, where
    for secret in SECRETS:
        assert secret not in text, where


def test_no_output_shows_a_cameras_password(picture_model, camera, tmp_path):
    (tmp_path / "own.py").write_text(
        "class Own:\n"
        "    def open(self, stream):\n"
        "        self.file = open('own.txt', 'w')\n"
        "        print(stream, file=self.file)\n"
        "    def write(self, answer): print(answer.row(), answer.frame, file=self.file)\n"
        "    def close(self, summary): print(summary, file=self.file); self.file.close()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "edgecnn", "live", picture_model, "--source", camera.url,
         "--json", "--headless", "--csv", "out.csv", "--record", "out.mkv", "--sink", "own:Own",
         "--save-session", "session", "--web", "127.0.0.1:0",
         "--give-up", "0.5", "--read-timeout", "60"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = None
        while url is None:
            line = process.stderr.readline()
            assert line
            if found := re.search(r"page: (\S+)", line):
                url = found[1]
        rows = [process.stdout.readline() for _ in range(20)]
        # Read on, or it stands still when the pipe is full.
        reading = threading.Thread(target=lambda: rows.extend(process.stdout))
        reading.start()
        for path in ("", "about.json", "past.json", "metrics", "healthz", "readyz"):
            with urllib.request.urlopen(url + path, timeout=240) as response:
                _shows_none(path or "page", response.read())
        with urllib.request.urlopen(url + "figures", timeout=240) as events:
            _shows_none("figures", events.read(600))
        host = url.split("/")[2]
        headers = {"Origin": f"http://{host}", "Content-Type": "application/json"}
        wish = urllib.request.Request(url + "control", b'{"snapshot": true}', headers)
        with urllib.request.urlopen(wish, timeout=240) as response:
            kept = json.loads(response.read())["saved"]
        # It is lost, and does not come back.
        camera.close()
        errors = process.stderr.read()
        process.wait(240)
    finally:
        process.kill()
        reading.join()
        process.communicate()
    assert process.returncode == 1, errors
    assert any("Basic Ym9i" in request for request in camera.asked)
    _shows_none("stdout", "".join(rows))
    _shows_none("stderr", errors)
    assert "http://***@127.0.0.1" in errors
    assert json.loads(rows[0])["source"].startswith("http://***@127.0.0.1")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".py"]
    names = {path.name for path in files}
    assert {"out.csv", "out.mkv", "own.txt", "session.json", kept} <= names
    for path in files:
        if path.suffix != ".pyc":
            _shows_none(path.name, path.read_bytes())
