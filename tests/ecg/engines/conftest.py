"""Records to score, and what one process makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="session")
def model(beat_model):
    """The rule, with one thread as in the workers."""
    return load_model(beat_model, threads=1)


@pytest.fixture(scope="session")
def rhythm(rhythm_model):
    """A rhythm model that is run along each record, too."""
    return load_model(rhythm_model, threads=1)


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """Forty records of half a minute, and three files that are none."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(40):
        signal = synthetic_ecg(30, 360, seed=number).signal_mv * (1 + 2 * (number % 2))
        np.savez(folder / f"{number:02}.npz", ecg=signal, fs=360.0, leads=["MLII"])
    for name in ("05", "20", "39"):
        (folder / f"{name}-bad.csv").write_text("MLII\nx\n")
    return folder


@pytest.fixture(scope="session")
def contents():
    """Tell all that lies in a folder of results."""
    return _contents


@pytest.fixture(scope="session")
def alone(model, rhythm, many, tmp_path_factory):
    """What this process makes of them."""
    out = tmp_path_factory.mktemp("alone") / "out"
    summary = score_records(model, [many], out, rhythm=rhythm)
    assert (len(summary.records), len(summary.problems)) == (40, 3)
    assert (out / "episodes.csv").read_text().count("AFIB") > 5
    return _contents(out)


def _contents(out):
    """All that lies there by its name, but the report, which tells the time."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if not path.is_dir() and path.name != "report.html"
    }
    assert len([name for name in found if name.startswith("records/")]) == 80
    return found
