"""The group of all commands, each loaded from its file when it is needed."""

from __future__ import annotations

from importlib import import_module

import click

from edgecnn import __version__

__all__ = ["COMMANDS", "edgecnn"]

#: What ``edgecnn --help`` says, in this order. Each name is a module of this package that holds a
#: click command of the same name; none of them is imported for the list, which takes half the time.
COMMANDS = {
    "demo": "See it work: a drawn camera and a drawn ECG, offline.",
    "train": "Train a network by a recipe, one of ours or one of yours.",
    "search": "Search for better values of a recipe.",
    "export": "Make a verified, self-describing .onnx file.",
    "kernel": "Make an image kernel (sharpen, edges, ...) into a model file.",
    "quantize": "Quantize a model to 8 bits, and measure what it gained and cost.",
    "live": "Run a camera, video, folder or stream through a model.",
    "replay": "Derive a saved live session again, and compare.",
    "predict": "Answer pictures, sentences or recordings.",
    "generate": "Write text, going on from a prompt.",
    "score": "Classify the beats of ECG records.",
    "evaluate": "Measure a model on labelled data.",
    "compare": "Compare two model files on the same data.",
    "ecg": "Judge ECG annotations against a reference.",
    "bench": "Measure a model's latency, throughput and peak memory.",
    "explain": "Draw what happens inside a model.",
    "inspect": "Say what a model file holds.",
    "models": "List the networks that can be built, and the bundled files.",
    "datasets": "List the named datasets: which are here, and where.",
    "doctor": "Say what this machine can do and what is wrong with it.",
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"edgecnn.cli.{cmd_name}"), cmd_name)
        command.short_help = COMMANDS[cmd_name]
        return _with_verbatim_parts(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that was meant, where one is near."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            if near := get_close_matches(args[0], COMMANDS, n=1):
                ctx.fail(f"No such command {args[0]!r}: did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
