"""A network camera over RTSP: Motion JPEG in RTP (RFC 2435), interleaved on the RTSP connection.

It needs no encoder but OpenCV's, and FFmpeg plays it as it plays a camera's own stream.
"""

from __future__ import annotations

import base64
import contextlib
import random
import struct
import time

import cv2
import numpy as np

from edgecnn.runtime.sources.timecode import TimeCode, draw_timecode
from tests.runtime.sources.listening import Listening

_PAYLOAD = 26  # JPEG, RFC 3551
_CLOCK = 90_000
_PIECE = 1400
_YUV420, _TABLES_FOLLOW = 1, 255


class RtspCamera(Listening):
    """Sends time-coded pictures to whoever plays it.

    ``mode``: ``serve``; ``silent``: stalls those who play, and answers no request; ``drop``: ends
    each connection. ``user``: what requests have to bring, as ``name:password``.
    """

    def __init__(self, *, fps=30, size=(320, 240), user=""):
        self.size, self.fps = size, fps
        self.requests: list[str] = []
        self._user = user
        self._frame = 0
        super().__init__()

    @property
    def url(self):
        return f"rtsp://{self._user and self._user + '@'}127.0.0.1:{self.port}/live"

    def _talk(self, client):
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            while request := self._request(lines):
                while self.mode == "silent" and not self._over.wait(0.02):
                    pass
                method, _, headers = request
                self.requests.append(f"{method} {headers.get('transport', '')}".strip())
                if not self._admits(headers):
                    self._answer(client, headers, "401 Unauthorized", {
                        "WWW-Authenticate": 'Basic realm="camera"'})  # fmt: skip
                elif method == "DESCRIBE":
                    self._answer(client, headers, "200 OK", {"Content-Type": "application/sdp"},
                                 self._sdp())  # fmt: skip
                elif method == "SETUP":
                    transport = headers["transport"]
                    known = "TCP" in transport
                    self._answer(client, headers, "200 OK" if known else
                                 "461 Unsupported transport",
                                 {"Transport": transport, "Session": "1"})  # fmt: skip
                elif method == "PLAY":
                    self._answer(client, headers, "200 OK", {"Session": "1"})
                    self._play(client)
                    return
                else:
                    self._answer(client, headers, "200 OK", {
                        "Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"})  # fmt: skip

    def _admits(self, headers):
        basic = "Basic " + base64.b64encode(self._user.encode()).decode()
        return not self._user or headers.get("authorization") == basic

    def _request(self, lines):
        first = lines.readline().decode().split()
        if len(first) < 2:
            return None
        headers = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return first[0], first[1], headers

    def _answer(self, client, headers, status, more, body=""):
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        client.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _sdp(self):
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP {_PAYLOAD}\r\na=framerate:{self.fps}\r\na=control:track1\r\n"
        )

    def _play(self, client):
        number, due, start = random.getrandbits(15), time.monotonic(), self._frame
        while not self._over.is_set():
            if self.mode == "drop":
                return
            if self.mode == "silent":
                self._over.wait(0.02)
                due = time.monotonic()
                continue
            stamp = (self._frame - start) * _CLOCK // self.fps
            for packet in self._packets(number, stamp):
                client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                number = (number + 1) & 0xFFFF
            self._frame += 1
            due += 1 / self.fps
            self._over.wait(max(0, due - time.monotonic()))

    def _packets(self, number, stamp):
        """Cut one picture into RTP packets: its headers are left out, its tables come first."""
        width, height = self.size
        picture = np.full((height, width, 3), self._frame % 200, np.uint8)
        draw_timecode(picture, TimeCode(self._frame, round(1000 * self._frame / self.fps)))
        tables, scan = _parts(cv2.imencode(".jpg", picture)[1].tobytes())
        at, packets = 0, []
        while at < len(scan):
            head = struct.pack(">I", at) + bytes([_YUV420, _TABLES_FOLLOW, width // 8, height // 8])
            if at == 0:
                head += struct.pack(">BBH", 0, 0, len(tables)) + tables
            piece = scan[at : at + _PIECE]
            at += len(piece)
            last = 0x80 if at >= len(scan) else 0
            packets.append(
                struct.pack(">BBHII", 0x80, last | _PAYLOAD, (number + len(packets)) & 0xFFFF,
                            stamp & 0xFFFFFFFF, 1) + head + piece
            )  # fmt: skip
        return packets


def _parts(jpeg):
    """Return a JPEG's quantization tables and its compressed data."""
    at, tables = 2, b""
    while True:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        segment = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            while segment:
                tables += segment[1:65]
                segment = segment[65:]
        if marker == 0xDA:
            return tables, jpeg[at:-2]
