"""``edgecnn live``: a camera, video, folder or stream through a model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.live_answers import answer_options
from edgecnn.cli.live_engine import engine_options, leave
from edgecnn.cli.live_outputs import output_options
from edgecnn.cli.live_sources import source_options
from edgecnn.cli.output import metadata_option, model_options, remark, warn

if TYPE_CHECKING:
    from edgecnn.cli.live_engine import EngineOptions
    from edgecnn.runtime.answering import Answering
    from edgecnn.runtime.controls import Controls
    from edgecnn.runtime.outputs import Outputs
    from edgecnn.runtime.processor import Processor
    from edgecnn.runtime.session import Model
    from edgecnn.runtime.slo import Slo
    from edgecnn.runtime.sources.base import Source
    from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["live"]


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help="0, walk.mp4, photos/, rtsp://..., test: ... Repeatable.",
)
@source_options
@answer_options
@output_options
@click.option("--frames", type=click.IntRange(1), help="End after so many frames.")
@engine_options
@click.option(
    "--alarm",
    "alarms",
    multiple=True,
    metavar="NAME=ON/OFF",
    help="Limits of an ECG's alarm, or NAME=off. Repeatable.",
)
@metadata_option
@model_options
def live(
    model: str,
    sources: tuple[str, ...],
    *,
    settings: SourceSettings,
    answering: Answering,
    promises: Sequence[Slo],
    outputs: Outputs,
    frames: int | None,
    engine: EngineOptions,
    alarms: tuple[str, ...],
    metadata: Path | None,
    provider: str,
    threads: int | None,
    check: bool,
) -> None:
    r"""Run SOURCE through MODEL, live; several take turns.

    Shows a window where there is a display. It ends with its source, with q or Escape in the
    window, and with Ctrl-C.

    Exit code 1 when a video ends before it should, or a frame of a file, folder or recording cannot
    be answered. A camera or stream goes on: its failed frames are counted, and only when none could
    be answered the exit code is 1.

    \b
    edgecnn live bundled:mnist-lenet5 --source test: --web
    edgecnn live model.onnx --source 0
    edgecnn live model.onnx --source rtsp://camera/live --headless --json
    edgecnn live model.onnx --source 0 --source rtsp://door/live --web
    edgecnn live bundled:ecg-beats --source record:holter/208 --alarm pause=2.5
    edgecnn live yolox_nano.onnx --metadata yolox-nano.toml --source 0
    """
    from edgecnn.errors import ProviderError, UsageError
    from edgecnn.metadata import read_contract
    from edgecnn.runtime.controls import Controls
    from edgecnn.runtime.live import Engine, run_live
    from edgecnn.runtime.session import load_model
    from edgecnn.runtime.warm_up import warm_up
    from edgecnn.runtime.watchdog import Patience

    if engine.cuda_graph and provider not in ("auto", "cuda"):
        raise UsageError(f"--cuda-graph is for CUDA, and not for {provider}")
    started = time.perf_counter()
    loaded = load_model(
        model,
        provider=provider,
        threads=threads,
        check=check,
        spinning=False,
        contract=read_contract(metadata) if metadata else None,
        cache=True,
        require=engine.require,
        cuda_graph=engine.cuda_graph,
    )
    if engine.cuda_graph and loaded.placement.provider != "cuda":
        raise ProviderError(
            f"--cuda-graph is for CUDA, and {loaded.placement.provider} runs this model"
            f" ({loaded.placement.reason})",
            hint="leave it out; --provider cuda says why there is no CUDA",
        )
    opened_ms = 1000 * (time.perf_counter() - started)
    first_ms = warm_up(loaded)
    controls = Controls()
    # Without anybody who looks there is nothing to draw for.
    seen = outputs.window or outputs.web is not None or answering.explain > 0
    where, processor, remarks = _open(
        loaded, sources, settings, alarms, answering, controls=controls if seen else None
    )
    for text in loaded.warnings:
        warn(text)
    placement = loaded.placement
    opening = (
        f"{loaded.metadata.name} on {placement.provider}: {placement.on_provider} nodes"
        f" ({placement.reason}); {opened_ms:.0f} ms to open and check"
        + ("" if first_ms is None else f", {first_ms:.1f} ms for a first run")
    )
    saving = None
    if engine.save_session is not None:
        if isinstance(where, list):
            raise UsageError(
                f"--save-session keeps one source, and there are {len(where)}",
                hint="start one `edgecnn live` for each, or leave it out",
            )
        from edgecnn.runtime.saved.manifest import describe_run
        from edgecnn.runtime.saved.saving import SaveSession
        from edgecnn.runtime.sources.screen import Screen

        asked = {
            "alarms": alarms,
            "answering": answering.plain(),
            "drawn": isinstance(where, Screen),
        }
        saving = SaveSession(engine.save_session, describe_run(loaded, model, asked), where)
    run_live(
        where,
        processor,
        outputs=dataclasses.replace(outputs, colours=_colours(loaded)),
        settings=settings,
        frames=frames,
        promises=promises,
        controls=controls,
        saving=saving,
        engine=Engine(
            patience=Patience(
                stage_s=engine.stage_s, restarts=engine.restarts, within_s=engine.within_s
            ),
            renew=_renewing(loaded, sources, settings, alarms, answering),
            cancel=loaded.cancel,
            leave=leave,
        ),
        opening="\n".join([opening, *remarks]),
        say=remark,
    )


def _open(
    model: Model,
    sources: tuple[str, ...],
    settings: SourceSettings,
    alarms: tuple[str, ...],
    answering: Answering,
    *,
    controls: Controls | None = None,
) -> tuple[Source | list[Source], Processor, Sequence[str]]:
    """Choose sources and processor by what the model reads; with what to say of them."""
    from edgecnn.errors import UsageError
    from edgecnn.metadata import BeatInput, SignalInput

    if isinstance(model.metadata.input, BeatInput):
        from edgecnn.ecg.live import open_live
        from edgecnn.runtime.answering import judged_model

        settings.check_whole()
        if len(sources) > 1:
            raise UsageError("an ECG is watched alone: its beats follow one another")
        judged = judged_model(model, answering)
        pair = open_live(judged, sources[0], alarms=alarms, settings=settings, say=remark)
        return *pair, ()
    if alarms:
        raise UsageError(
            "--alarm watches an ECG's beats, and this model reads none",
            hint="bundled:ecg-beats reads them",
        )
    if isinstance(model.metadata.input, SignalInput):
        from edgecnn.ecg.live_fragments import open_live_fragments
        from edgecnn.runtime.answering import judged_model

        settings.check_whole()
        if len(sources) > 1:
            raise UsageError("a signal is watched alone: its windows follow one another")
        judged = judged_model(model, answering)
        found = open_live_fragments(judged, sources[0], settings=settings, say=remark)
        return *found, ()
    from edgecnn.runtime.answering import answer_pictures
    from edgecnn.runtime.origin import Origins
    from edgecnn.runtime.sources.registry import open_all

    opened = open_all(sources, settings, remark)
    processor, remarks = answer_pictures(
        model, answering, origin=Origins(opened), controls=controls
    )
    return opened[0] if len(opened) == 1 else opened, processor, remarks


def _colours(model: Model) -> dict[str, str]:
    """Return what the page colours labels by: as boxes are, and as beats are in the trace."""
    from edgecnn.metadata import BeatInput
    from edgecnn.runtime.label_colours import page_colours

    if isinstance(model.metadata.input, BeatInput):
        from edgecnn.ecg.trace import BEAT_COLOURS

        return page_colours(model.metadata.labels, BEAT_COLOURS)
    return page_colours(model.metadata.labels)


def _renewing(
    model: Model,
    sources: tuple[str, ...],
    settings: SourceSettings,
    alarms: tuple[str, ...],
    answering: Answering,
) -> Callable[[], Source] | list[Callable[[], Source]]:
    """Return what makes each source once more."""

    def again(source: str) -> Source:
        (made, *_) = _open(model, (source,), settings, alarms, answering)
        assert not isinstance(made, list)
        return made

    renewing = [partial(again, source) for source in sources]
    return renewing[0] if len(sources) == 1 else [*renewing]
