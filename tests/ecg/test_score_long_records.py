"""Memory does not grow with the length of a record."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from edgecnn.ecg.synthetic import synthetic_ecg
from tests.ecg.score_recordings import RATE

PEAK = """
    import sys
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.machine import peak_rss_bytes
    from edgecnn.runtime.session import load_model

    model = load_model(sys.argv[1], threads=1)
    summary = score_records(model, sys.argv[2:3], sys.argv[3])
    assert not summary.problems, summary.problems
    print(peak_rss_bytes())
"""


def write_long(base, hours):
    """Two leads in format 16: ten minutes, over and over."""
    steps = np.rint(synthetic_ecg(600, RATE, seed=1).signal_mv * 1000).astype("<i2")
    piece = np.stack([steps, steps[::-1]], axis=1).tobytes()
    with base.with_suffix(".dat").open("wb") as file:
        for _ in range(6 * hours):
            file.write(piece)
    base.with_suffix(".hea").write_text(
        f"{base.name} 2 {RATE:g} {6 * hours * len(steps)}\n"
        + "".join(
            f"{base.name}.dat 16 1000 16 0 {steps[0]} 0 0 {lead}\n" for lead in ("MLII", "V1")
        )
    )


def peak_mb(beat_model, folder, hours):
    write_long(folder / f"h{hours}", hours)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(PEAK),
            beat_model,
            folder / f"h{hours}",
            folder / "o",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1e6


def test_memory_is_flat_in_the_length_of_a_record(beat_model, tmp_path):
    """One lead of five hours is 52 MB in double precision, and was in memory four times."""
    short, long = (peak_mb(beat_model, tmp_path, hours) for hours in (1, 5))
    assert long - short < 20


@pytest.mark.long
def test_a_day_of_two_leads_takes_less_than_250_mb(beat_model, tmp_path):
    assert peak_mb(beat_model, tmp_path, 24) < 250
