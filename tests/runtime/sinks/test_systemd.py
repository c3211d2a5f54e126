"""What systemd is told, through a real datagram socket."""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest

from edgecnn.runtime.sinks.systemd import Systemd


@pytest.fixture
def notified(tmp_path):
    """A socket as systemd's, and its address."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        yield listener, address


def _told(listener):
    return dict(line.partition("=")[::2] for line in listener.recv(4096).decode().splitlines())


def _nothing_more(listener):
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(4096)
    listener.settimeout(60)


class Clock:
    """Stands still unless it is moved on."""

    now_s = 1000.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edgecnn.runtime.sinks.systemd.time", clock)
    return clock


def test_ready_alive_and_stopping(notified, clock, make_answer, make_stream, summary):
    listener, address = notified
    sink = Systemd(address, watchdog_s=0.2)
    sink.open(make_stream())
    assert _told(listener) == {"READY": "1", "STATUS": "model on numbers"}
    sink.write(make_answer(1))
    told = _told(listener)
    assert told["WATCHDOG"] == "1"
    assert told["STATUS"] == "25.0 fps, 2 answered, 0 dropped"
    # Not for each frame, but several times in the time that systemd gives.
    sink.write(make_answer(2))
    _nothing_more(listener)
    clock.now_s += 0.06
    sink.write(make_answer(3))
    assert _told(listener)["WATCHDOG"] == "1"
    sink.close(summary)
    assert _told(listener) == {"STOPPING": "1", "STATUS": "end of source"}


def test_that_no_frame_comes_is_no_progress_unless_it_is_meant_so(notified, clock, make_stream):
    listener, address = notified
    stream = make_stream()
    lost = []
    stream.__dict__["reopening"] = lambda: bool(lost)
    sink = Systemd(address, watchdog_s=0.01)
    sink.open(stream)
    _told(listener)
    sink.idle()
    _nothing_more(listener)
    stream.controls.paused = True
    sink.idle()
    assert _told(listener) == {"WATCHDOG": "1", "STATUS": "paused"}
    stream.controls.paused = False
    lost.append(True)
    clock.now_s += 0.01
    sink.idle()
    assert _told(listener)["STATUS"] == "the source is being opened again"
    sink.close(None)


def test_a_socket_that_nobody_reads_does_not_hold_up_the_stream(notified, make_answer, make_stream):
    _, address = notified
    sink = Systemd(address, watchdog_s=1e-9)
    sink.open(make_stream())
    for number in range(2000):
        sink.write(make_answer(number))
    sink.close(None)


@pytest.mark.parametrize(
    ("environment", "watched"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": "tcp:1"}, None),
        ({"NOTIFY_SOCKET": "/run/x"}, False),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000"}, True),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, False),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": str(os.getpid())}, True),
    ],
)
def test_the_environment_says_whether_it_is_wanted(environment, watched):
    sink = Systemd.from_environment(environment)
    assert (sink is None) == (watched is None)
    if sink is not None:
        assert (sink._every_s is not None) == watched


def _read_until_silent(listener, seconds, most=100):
    listener.settimeout(seconds)
    told = []
    try:
        while len(told) <= most:
            told.append(_told(listener))
    except TimeoutError:
        listener.settimeout(60)
        return told
    raise AssertionError(f"not silent: {told}")


def _await_full(pipe):
    """Wait until a pipe that nobody reads holds all that it can, but for less than a line."""
    room = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    limit = time.monotonic() + 60
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"    "))[0] < room - 4096:
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_stream_tells_systemd_and_goes_silent_when_it_stands_still(picture_model):
    # An abstract address, as systemd may give one.
    name = f"edgecnn-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "-m", "edgecnn", "live", str(picture_model), "--headless", "--json",
             "--source", "test:?fps=200&size=64x48"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "400000"},
        )  # fmt: skip
        try:
            assert _told(listener)["READY"] == "1"
            # Nobody reads its output: the pipeline stands still, systemd hears of it by silence.
            _await_full(process.stdout)
            alive = _read_until_silent(listener, 1.0)
            assert len(alive) >= 3
            assert all(told["WATCHDOG"] == "1" for told in alive)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=240)
            # The frame at hand is still answered.
            *_, last = _read_until_silent(listener, 0.01)
            assert last == {"STOPPING": "1", "STATUS": "terminated"}
            assert json.loads(out.splitlines()[-1])["summary"]["ended"] == "terminated"
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
