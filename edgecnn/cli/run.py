"""The edge of the command line: errors become one line and an exit code here, nowhere else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from edgecnn.cli.group import edgecnn
from edgecnn.cli.interrupt import exit_code_of
from edgecnn.errors import EdgeCNNError

__all__ = ["run"]

_BROKEN_PIPE = 141

#: A group's call without a command; click 8.1 has no such error.
_NO_ARGUMENTS: type[click.UsageError] | tuple[()] = getattr(
    click.exceptions, "NoArgsIsHelpError", ()
)

#: Which extra brings a package that a command imports only when it is used.
_EXTRA_OF = {
    "matplotlib": "train",
    "onnx": "quantize",
    "onnxscript": "train",
    "onnxsim": "train",
    "optuna": "search",
    "safetensors": "train",
    "tomli_w": "search",
    "torch": "train",
}


def run(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; the default is this process's own.

    Returns
    -------
    int
        0 done, 1 something could not be done, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    if sys.stdout is None:  # closed by the caller: `>&-`
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - stays open
    stdout = sys.stdout
    try:
        result = edgecnn.main(
            arguments, prog_name="edgecnn", standalone_mode=False, color=_colour()
        )
        sys.stdout.flush()
    except EdgeCNNError as error:
        _say(error.message, error.hint)
        return error.exit_code
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_OF:
            raise
        extra = _EXTRA_OF[error.name]
        _say(f"{error.name} is not installed", f"pip install 'edgecnn[{extra},cpu]'")
        return EdgeCNNError.exit_code
    except click.ClickException as error:
        if isinstance(error, _NO_ARGUMENTS):
            error.show()  # the help itself
        else:
            _say(_in_our_words(error.format_message()), _where_help_is(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        code = exit_code_of(error)
        _say("terminated" if code == 128 + signal.SIGTERM else "interrupted", None)
        return code
    except SystemExit:
        # click ends so after a broken pipe, with a stdout put in place that may be flushed; shell
        # completion ends so too.
        if sys.stdout is stdout:
            raise
        return _BROKEN_PIPE
    except BrokenPipeError:
        # The reader went away (`edgecnn ... | head`): nothing more to say, to it or about it.
        _silence_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        # What no command could name better: stdout on a full disk, a name that is too long.
        _say(f"{error.filename or 'output'}: {error.strerror or error}", None)
        _silence_stdout()
        return EdgeCNNError.exit_code
    return result if isinstance(result, int) else 0


def _in_our_words(message: str) -> str:
    """Put click's sentence, which may have several lines, as all other errors are put."""
    text = " ".join(message.split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def _where_help_is(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"`{context.command_path} --help` says what there is" if context else None


def _silence_stdout() -> None:
    """Let what is still buffered go nowhere, so that the interpreter's end says nothing of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str, hint: str | None) -> None:
    colour = _colour()
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True, color=colour)
    if hint:
        click.echo(f"{click.style(' hint:', fg='cyan')} {hint}", err=True, color=colour)


def _colour() -> bool | None:
    """Return False where NO_COLOR forbids colours; None leaves it to whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") else None
