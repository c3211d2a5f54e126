"""``edgecnn datasets``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

import click

from edgecnn.cli.output import json_option, print_json, print_table, remark

__all__ = ["datasets"]


@click.command()
@json_option
def datasets(*, as_json: bool) -> None:
    r"""List the named datasets: what is here, where it was found, and its terms.

    A dataset is looked for in the folder that EDGECNN_DATA names and in the user's cache; what is
    in neither is downloaded into the cache when it is needed. To use data that you have:

    \b
    export EDGECNN_DATA=/path/to/data     # holds mnist/, cifar10/, mitdb/, ...
    """
    from edgecnn.data.locate import cache_root
    from edgecnn.data.status import dataset_status

    found = dataset_status()
    if as_json:
        print_json(found)
        return
    rows = []
    for dataset in found:
        for split in dataset.splits:
            where = f"{split.folder} ({split.through})" if split.folder else "-"
            size = split.size_bytes if split.folder else dataset.download_bytes
            state = "here" if split.folder else "download"
            rows.append((split.name, state, f"{size / 1e6:.1f}", dataset.licence, where))
    print_table(("dataset", "is", "MB", "licence", "folder"), rows)
    for dataset in found:
        remark(f"{dataset.name}: {dataset.title}. {dataset.attribution}")
    named = os.environ.get("EDGECNN_DATA")
    remark(
        f"looked for in EDGECNN_DATA={shlex.quote(named)}, then in {cache_root()}"
        if named
        else f"looked for in {cache_root()}; data of your own is found after "
        "`export EDGECNN_DATA=/path/to/data`, with "
        f"{', '.join(f'{folder}/' for folder in dict.fromkeys(_places()))} in it"
    )


def _places() -> Iterator[str]:
    from edgecnn.data.catalogue import CATALOGUE

    for entry in CATALOGUE.values():
        yield entry.place
