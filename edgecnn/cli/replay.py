"""``edgecnn replay``: a saved live session, derived again and compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.output import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgecnn.runtime.processor import Processor
    from edgecnn.runtime.saved.frames import SavedFrames
    from edgecnn.runtime.saved.replay import Replay
    from edgecnn.runtime.session import Model

__all__ = ["replay"]

#: As many as are told in text.
_MOST_KEYS = 5


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", help="Another MODEL than the session's, to compare with it.")
@click.option("--provider", help="Another provider than the session's.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    help="How far numbers may differ, absolute and relative [default: 0 where all is as it was, "
    "else 0.002].",
)
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    folder: Path,
    *,
    model: str | None,
    provider: str | None,
    tolerance: float | None,
    as_json: bool,
) -> None:
    r"""Run the frames of a session again and compare every answer with the recorded one.

    DIR is what `edgecnn live --save-session DIR` made. On the same machine, provider and versions
    the answers must be equal to the bit; elsewhere, within a tolerance.

    Exit code 1 when an answer differs: the first frame and key that do are named.

    \b
    edgecnn live model.onnx --source 0 --save-session monday/
    edgecnn replay monday/
    edgecnn replay monday/ --model model.int8.onnx --json
    """
    from edgecnn.runtime.saved.manifest import read_manifest
    from edgecnn.runtime.saved.replay import open_model, replay_session
    from edgecnn.runtime.saved.result_rows import Tolerance

    manifest = read_manifest(folder)
    loaded = open_model(manifest, model=model, provider=provider)
    with progress_bar() as bar:
        task = bar.add_task("replaying", total=None)
        found = replay_session(
            folder,
            manifest,
            loaded,
            lambda model, frames: _processor(model, frames, manifest.settings),
            tolerance=None if tolerance is None else Tolerance(tolerance, tolerance),
            progress=lambda compared: bar.update(task, completed=compared),
        )
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        _print(found)
    if found.different:
        ctx.exit(1)


def _processor(model: Model, frames: SavedFrames, settings: Mapping[str, Any]) -> Processor:
    """Make the processor by what the model reads and what was asked for then."""
    from edgecnn.metadata import BeatInput, SignalInput
    from edgecnn.runtime.answering import Answering, answer_pictures, judged_model
    from edgecnn.runtime.origin import Origin

    answering = Answering.from_plain(settings.get("answering", {}))
    if isinstance(model.metadata.input, BeatInput):
        from edgecnn.ecg.alarms import alarm_limits
        from edgecnn.ecg.live import EcgProcessor

        limits = alarm_limits(settings.get("alarms", ()))
        return EcgProcessor(judged_model(model, answering), frames, limits=limits)
    if isinstance(model.metadata.input, SignalInput):
        from edgecnn.ecg.live_fragments import FragmentProcessor

        return FragmentProcessor(judged_model(model, answering), frames)
    origin = Origin(frames.was_live, frames.fps, drawn=bool(settings.get("drawn")))
    return answer_pictures(model, answering, origin=lambda frame: origin)[0]


def _print(found: Replay) -> None:
    held = "bit for bit" if found.exact else f"within {found.tolerance['absolute']:g}"
    same = found.compared - found.different
    where = f"{found.provider}, {found.nodes_on_provider} nodes, {found.seconds:g} s"
    click.echo(f"{same:,} of {found.compared:,} answers are the same {held} ({where})")
    for reason in found.why:
        click.echo(f"not as it was: {reason}")
    if found.lost:
        click.echo(f"{found.lost:,} answers were not kept: the disk was too slow")
    if found.ended is None:
        click.echo("the session was cut off; it is whole up to its last frame")
    if found.first is not None:
        first = found.first
        click.secho(
            f"first difference at frame {first['frame']}, {first['key']}: "
            f"{_shown(first['recorded'])}, now {_shown(first['derived'])}",
            fg="red",
        )
        counts = sorted(found.keys.items(), key=lambda pair: -pair[1])[:_MOST_KEYS]
        click.echo("answers that differ: " + ", ".join(f"{n:,} in {key}" for key, n in counts))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
