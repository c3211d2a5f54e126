"""An evaluation's files: text, HTML, CSV and JSON."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from edgecnn.ecg.ec57.beside import SideBySide, beside_csv, beside_document, beside_text
from edgecnn.ecg.ec57.documents import csv_files, json_document
from edgecnn.ecg.ec57.evaluate import Evaluation
from edgecnn.ecg.ec57.html import html_page
from edgecnn.ecg.ec57.text import text_report
from edgecnn.errors import UsageError
from edgecnn.files import write_bytes, write_text

__all__ = ["check_folder", "write_evaluation"]


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that an evaluation must not be written to.

    Raises
    ------
    UsageError
        It holds the results of ``edgecnn score``, whose files have names in common with these.
    """
    folder = Path(folder)
    if (folder / "beats.csv").exists() and (folder / "records.csv").exists():
        raise UsageError(
            f"{folder} holds the results of a scoring run",
            hint="name another folder for the evaluation with -o",
        )


def write_evaluation(
    evaluation: Evaluation,
    folder: str | os.PathLike[str],
    *,
    style: str = "line",
    beside: SideBySide | None = None,
) -> Path:
    """Write all files of an evaluation, each whole or not at all; those of an earlier one go.

    Parameters
    ----------
    evaluation : Evaluation
    folder : path
        Receives ``report.html``, ``report.txt``, ``evaluation.json``, ``statistics.csv``,
        ``beat-by-beat.csv``, ``run-by-run.csv``, ``episodes.csv`` and ``errors.csv``.
    style : str
        Of the text tables (:data:`~edgecnn.ecg.ec57.text.STYLES`).
    beside : SideBySide, optional
        This and another one: also in the reports, and ``side-by-side.csv``.

    Returns
    -------
    Path
        The HTML report.

    Raises
    ------
    EdgeCNNError
        The folder cannot be written to.
    """
    check_folder(folder)
    folder = Path(folder)
    texts = csv_files(evaluation) | {
        "report.txt": text_report(evaluation, style),
        "report.html": html_page(evaluation, beside),
    }
    document = json_document(evaluation)
    if beside is not None:
        texts["report.txt"] += f"\n{beside_text(beside)}"
        texts["side-by-side.csv"] = beside_csv(beside)
        document["beside"] = beside_document(beside)
    for name, text in texts.items():
        write_text(folder / name, text)
    write_bytes(folder / "evaluation.json", msgspec.json.encode(document) + b"\n")
    return folder / "report.html"
