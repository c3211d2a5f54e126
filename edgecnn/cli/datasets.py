"""``edgecnn datasets``."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, print_json, print_table, remark

__all__ = ["datasets"]


@click.command()
@json_option
def datasets(*, as_json: bool) -> None:
    """List the named datasets: what is here, where it was found, and its terms.

    A dataset is looked for in the folder that EDGECNN_DATA names and in the user's cache; what is
    in neither is downloaded when it is needed.
    """
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
