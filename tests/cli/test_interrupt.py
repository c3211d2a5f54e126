"""Ctrl-C and SIGTERM at any moment: one line, one code, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgecnn.cli import interrupt
from edgecnn.cli.interrupt import Terminated, exit_code_of
from tests.cli.running import await_turn

#: Says when Python is up; what comes before is the interpreter's own, and no program's to handle.
LAUNCH = """\
import os
os.write(1, b"up")
from edgecnn.__main__ import main
main()
"""
DELAYS_S = (0.02, 0.05, 0.1, 0.16, 0.22, 0.3, 0.45, 0.7, 1.0, 1.5)


def start(*arguments: str | Path, code: str = LAUNCH) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A group, as a terminal makes it: all of it gets the signal.
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.read(2) == b"up"
    if code is LAUNCH:
        await_turn(process)
    return process


def end(process: subprocess.Popen[bytes], number: int, after_s: float) -> tuple[int, str]:
    with process:
        time.sleep(after_s)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=120)
    return process.returncode, err.decode()


def command(name: str, folder: Path, picture_model: Path) -> tuple[str | Path, ...]:
    if name == "train":
        # Its data is absent: start-up and all imports, and nothing that takes long.
        return "train", "mnist-lenet5", "-o", folder / "run"
    if name == "bench":
        return "bench", picture_model, "--seconds", "60"
    return "score", "bundled:ecg-beats", folder, "-o", folder / "out"


@pytest.mark.parametrize(("name", "least"), [("train", 3), ("bench", 3), ("score", 1)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_any_moment(
    name: str,
    least: int,
    number: signal.Signals,
    picture_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``least``: how many of the moments are the command's: after Python's start, before its end.

    It finds no data, so it is over soon. On a slow machine later moments are tried until there are
    enough.
    """
    monkeypatch.setenv("EDGECNN_OFFLINE", "1")
    monkeypatch.delenv("EDGECNN_DATA", raising=False)
    if number == signal.SIGTERM:
        delays, least = DELAYS_S[2:9:3], 1
    else:
        delays = DELAYS_S
    codes: list[int] = []
    for delay in (*delays, 2.0, 3.0, 4.5, 6.5, 10.0, 15.0):
        if delay > delays[-1] and codes.count(128 + number) >= least:
            break
        process = start(*command(name, tmp_path, picture_model))
        code, err = end(process, number, delay)
        assert "Traceback" not in err, delay
        assert "Exception ignored" not in err, delay
        codes.append(code)
        if code == 128 + number:
            word = "interrupted" if number == signal.SIGINT else "terminated"
            assert err.splitlines()[-1] == f"error: {word}", delay
        else:
            # Over before the signal came, or ended by the signal itself: at the very start and
            # while the interpreter winds up.
            assert code in (1, -number), (delay, err)
    assert codes.count(128 + number) >= least, codes


IMPORTING = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
from edgecnn.cli.interrupt import take_signals
take_signals()
try:
    import slow
except BaseException:
    pass
print("went on", flush=True)
"""
SLOW = """\
import os, time
try:
    os.write(1, b"up")
    time.sleep(240)
except KeyboardInterrupt:
    pass  # what an extension module does with it
"""


def test_an_import_cannot_swallow_it(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    process = start(tmp_path, code=IMPORTING)
    with process:
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert (out, err) == (b"", b"error: interrupted\n")


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As ``nohup`` has it, and a shell for what it starts in the background."""
    code = (
        "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from edgecnn.cli.interrupt import take_signals\ntake_signals()\nos.write(1, b'up')\n"
        "import time\ntime.sleep(0.6)\nprint('went on')"
    )
    with start(code=code) as process:
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, b"went on\n")


CLEANING = """\
import os, signal, time
from edgecnn.cli import interrupt
from edgecnn.cli.interrupt import take_signals
interrupt._SAME_S = {same}
take_signals()
try:
    os.write(1, b"up")
    time.sleep(240)
finally:
    os.write(1, b"cleaning ")
    time.sleep({cleaning})
    print("cleaned", flush=True)
"""


def test_twice_at_once_is_once() -> None:
    """``timeout`` sends it to the process, and then to its group."""
    with start(code=CLEANING.format(same=60, cleaning=0.5)) as process:
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.read(9) == b"cleaning "
        os.kill(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=240)
    assert out == b"cleaned\n"


def test_twice_in_a_row_does_not_wait_for_the_orderly_end() -> None:
    with start(code=CLEANING.format(same=interrupt._SAME_S, cleaning=240)) as process:
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.read(9) == b"cleaning "
        time.sleep(interrupt._SAME_S + 0.2)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, b"", b"error: interrupted\n")


def test_codes() -> None:
    assert exit_code_of(KeyboardInterrupt()) == 130
    assert exit_code_of(Terminated()) == 143
    wrapped = RuntimeError()
    wrapped.__cause__ = Terminated()
    assert exit_code_of(wrapped) == 143
