"""The options of ``edgecnn live`` that say where the answers go."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from edgecnn.cli.output import json_option

__all__ = ["output_options"]


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand them over as one parameter ``outputs``."""

    @wraps(function)
    def collected(
        *,
        headless: bool,
        web: str | None,
        metrics: str | None,
        tls: str | None,
        tls_key: Path | None,
        as_json: bool,
        on_change: bool,
        record: Path | None,
        csv: Path | None,
        sinks: tuple[str, ...],
        snapshots: Path,
        **others: Any,
    ) -> Any:
        from edgecnn.runtime.outputs import Outputs

        outputs = Outputs(
            as_json=as_json,
            on_change=on_change,
            window=not headless,
            web=web,
            metrics=metrics,
            tls=tls is not None,
            tls_certificate=Path(tls) if tls else None,
            tls_key=tls_key,
            record=record,
            csv=csv,
            sinks=sinks,
            snapshots=snapshots,
        )
        return function(outputs=outputs, **others)

    options = (
        click.option("--headless", is_flag=True, help="No window."),
        click.option(
            "--web",
            is_flag=False,
            flag_value="127.0.0.1:8080",
            metavar="[HOST:PORT]",
            help="Serve a page with picture and figures [127.0.0.1:8080].",
        ),
        click.option(
            "--metrics",
            is_flag=False,
            flag_value="127.0.0.1:9464",
            metavar="[HOST:PORT]",
            help="Serve Prometheus metrics and health [127.0.0.1:9464].",
        ),
        click.option(
            "--tls",
            is_flag=False,
            flag_value="",
            metavar="[FILE]",
            help="Serve over HTTPS: certificate as PEM [self-made].",
        ),
        click.option(
            "--tls-key",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The certificate's key, where it is not in its file.",
        ),
        json_option,
        click.option("--on-change", is_flag=True, help="Print a line only when the label changes."),
        click.option(
            "--record",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Record what is shown: .mkv, or .mp4 made at the end.",
        ),
        click.option(
            "--csv",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write a row for each frame, after those that are there.",
        ),
        click.option(
            "--sink",
            "sinks",
            multiple=True,
            metavar="MODULE:FACTORY",
            help="Give each answer to a sink of your own, ?option=value.",
        ),
        click.option(
            "--snapshots",
            type=click.Path(file_okay=False, path_type=Path),
            default="snapshots",
            metavar="DIR",
            help="Where the key s, and the page, keep a frame [snapshots].",
        ),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected
