"""The edge of the command line: every end is a code and one line, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from edgecnn.cli import group
from edgecnn.cli.interrupt import Terminated
from edgecnn.cli.run import run
from edgecnn.errors import DataError, UsageError
from tests.cli.running import await_handlers


def command_that(monkeypatch: pytest.MonkeyPatch, act: object) -> None:
    """Make ``edgecnn probe`` do something."""

    @click.command()
    def probe() -> object:
        return act() if callable(act) else act

    monkeypatch.setitem(group.edgecnn.commands, "probe", probe)
    monkeypatch.setattr(
        type(group.edgecnn), "get_command", lambda self, ctx, name: self.commands.get(name)
    )


def raising(error: BaseException) -> object:
    def act() -> None:
        raise error

    return act


def test_done_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, lambda: None)
    assert run(["probe"]) == 0


def test_a_commands_own_code_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, lambda: click.get_current_context().exit(1))
    assert run(["probe"]) == 1


def test_error_is_one_line_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(monkeypatch, raising(DataError("no such lead: V9", hint="it has MLII, V1")))
    assert run(["probe"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error: no such lead: V9", " hint: it has MLII, V1"]


def test_error_without_hint_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(monkeypatch, raising(DataError("no such lead: V9")))
    assert run(["probe"]) == 1
    assert capsys.readouterr().err.splitlines() == ["error: no such lead: V9"]


def test_wrong_usage_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(monkeypatch, raising(UsageError("unknown provider: warp")))
    assert run(["probe"]) == 2
    assert run(["probe", "--nonsense"]) == 2
    assert run(["nonsense"]) == 2
    assert "error: no such command 'nonsense'\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message", "place"),
    [
        (["bench"], "missing argument 'MODEL'", "edgecnn bench"),
        (["bench", "m.onnx", "--bacth", "3"], "no such option '--bacth'", "edgecnn bench"),
        (["predict", "m", "f", "--top", "0"], "invalid value for '--top': 0 ", "edgecnn predict"),
        (["quantize", "m"], "missing option '--calibration'", "edgecnn quantize"),
        (["nonsense"], "no such command 'nonsense'", "edgecnn"),
        (["predct"], "no such command 'predct': did you mean 'predict'?", "edgecnn"),
    ],
)
def test_wrong_usage_reads_like_every_other_error(
    arguments: list[str], message: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    error, hint = err.splitlines()
    assert out == ""
    assert error.startswith(f"error: {message}".rstrip("?"))
    assert not error.endswith(".")
    assert hint == f" hint: `{place} --help` says what there is"


def test_interrupt_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(monkeypatch, raising(KeyboardInterrupt()))
    assert run(["probe"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_terminated_is_143(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_that(monkeypatch, raising(Terminated()))
    assert run(["probe"]) == 143
    assert "error: terminated" in capsys.readouterr().err


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nobody's fault but ours keeps its traceback."""
    command_that(monkeypatch, raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        run(["probe"])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import edgecnn

    assert run(["--version"]) == 0
    assert edgecnn.__version__ in capsys.readouterr().out


def test_broken_pipe_is_silent() -> None:
    """``edgecnn ... --json | head -1``: nothing on stderr, and an end of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgecnn", "live", "bundled:mnist-lenet5", "--source", "test:",
         "--headless", "--json", "--frames", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=240) == 141
        said = process.stderr.read()
    assert "Traceback" not in said
    assert "Broken pipe" not in said


def test_ctrl_c_ends_a_command_without_a_traceback(picture_model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edgecnn", "bench", picture_model, "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal does it: the whole group gets the signal.
        start_new_session=True,
    ) as process:
        await_handlers(process)
        time.sleep(2)  # or so: it is at work by then, on a usual machine
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert "interrupted" in err


def test_console_script_is_the_same() -> None:
    script = Path(sys.executable).with_name("edgecnn")
    one = subprocess.run([script, "--version"], capture_output=True, check=True).stdout
    other = subprocess.run(
        [sys.executable, "-m", "edgecnn", "--version"], capture_output=True, check=True
    ).stdout
    assert one == other


@pytest.mark.parametrize(
    ("redirect", "code", "said"),
    [("> /dev/full", 1, "No space left on device"), (">&-", 0, "")],
)
def test_a_full_disk_or_a_closed_stdout_is_no_traceback(
    redirect: str, code: int, said: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m edgecnn doctor {redirect}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert said in done.stderr


def test_a_name_that_is_too_long_is_no_traceback(picture_model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgecnn", "predict", picture_model, "x" * 300],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 1
    assert "File name too long" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "bundled:mnist-lenet5", "x.png"],
        ["score", "bundled:ecg-beats", "x", "-o", "out"],
        ["live", "bundled:mnist-lenet5", "--source", "test:"],
        ["train", "mnist-lenet5"],
        ["quantize", "bundled:mnist-lenet5", "--calibration", "x"],
        ["bench", "bundled:mnist-lenet5"],
    ],
)
def test_no_command_starts_a_hundred_thousand_threads(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--threads", "100000"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: 100000 threads are more than this machine can use\n hint: ")
