from __future__ import annotations

import pytest

from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.session import load_model
from tests.ecg.score_recordings import RATE, write_table, write_wfdb


@pytest.fixture(scope="session")
def model(beat_model):
    return load_model(beat_model)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """Three records of two formats, two of them of one name, and files that are none."""
    folder = tmp_path_factory.mktemp("recordings")
    write_wfdb(folder / "one" / "100", synthetic_ecg(40, RATE, seed=1))
    write_wfdb(folder / "two" / "100", synthetic_ecg(60, RATE, seed=2))
    write_table(folder / "ecg.csv", synthetic_ecg(50, 250, seed=3), 250)
    (folder / "README.txt").write_text("Three records.\n")
    return folder
