"""The group of all commands, each loaded from its file when it is needed."""

from __future__ import annotations

from importlib import import_module

import click

from edgecnn import __version__

__all__ = ["COMMANDS", "edgecnn"]

#: Command names in the order in which ``--help`` lists them; each is a module of this package
#: that holds a click command of the same name.
COMMANDS = (
    "demo",
    "train",
    "search",
    "export",
    "kernel",
    "quantize",
    "live",
    "replay",
    "predict",
    "generate",
    "score",
    "evaluate",
    "compare",
    "ecg",
    "bench",
    "explain",
    "inspect",
    "models",
    "datasets",
    "doctor",
)


class _LazyGroup(click.Group):
    """A group that knows its commands' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"edgecnn.cli.{cmd_name}"), cmd_name)
        return _with_verbatim_parts(command)


def _with_verbatim_parts(command: click.Command) -> click.Command:
    """Let click find its mark of a paragraph that is not to be wrapped.

    Docstrings with a backslash are raw, so the mark arrives as two characters; click wants one.
    """
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    if isinstance(command, click.Group) and not isinstance(command, _LazyGroup):
        for below in command.commands.values():
            _with_verbatim_parts(below)
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgecnn")
def edgecnn() -> None:
    r"""Train a network in PyTorch, ship one self-describing ONNX file, run it on a device.

    \b
    First steps:   edgecnn demo
    A camera:      edgecnn live bundled:mnist-lenet5 --source 0 --web
    An ECG:        edgecnn score bundled:ecg-beats recordings/ -o results/
    """


_with_verbatim_parts(edgecnn)
