"""``edgecnn live`` as a person runs it: in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

#: A process takes so long at most, on a slow machine with other work.
LIMIT_S = 240


def environment():
    """Return this process's, without a display."""
    gone = ("DISPLAY", "WAYLAND_DISPLAY")
    return {key: value for key, value in os.environ.items() if key not in gone}


def command(*arguments):
    return [sys.executable, "-m", "edgecnn", "live", *map(str, arguments)]


def live(*arguments, **more):
    """Run to the end; ``more`` is environment."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment() | more,
        check=False,
    )


@contextlib.contextmanager
def running(*arguments, **options):
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        **options,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def has_begun(path):
    """Tell whether a file that is being written has more than its head."""
    return path.exists() and path.stat().st_size > 4096


def rows_of(text):
    """Return the rows of ``--json``, and its summary."""
    rows = [json.loads(line) for line in text.splitlines()]
    return rows[:-1], rows[-1]["summary"]


def one_error_line(done):
    """See that a run failed with one line (and a hint) and nothing on stdout."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1, done.stderr
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return errors[0]


def await_handlers(process):
    """Wait until the program handles SIGTERM: until then the interpreter starts, and not we."""
    _await(lambda: signal.SIGTERM in _caught(process), process)


def await_turn(process):
    """Wait until Python, which is up and catches SIGINT, has left it to the program."""
    _await(
        lambda: signal.SIGTERM in _caught(process) or signal.SIGINT not in _caught(process),
        process,
    )


def _await(holds, process):
    limit = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < limit, process.args
        time.sleep(0.002)


def _caught(process):
    """Return the signals that a process handles."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")), 0)
    return {number for number in (signal.SIGINT, signal.SIGTERM) if mask >> (number - 1) & 1}
