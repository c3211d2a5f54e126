"""Memory that is freed and taken anew costs a worker no page faults."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Prints the page faults of 200 arrays of 4 MB, each filled and freed.
FAULTS = """
import resource, sys
import numpy as np
from edgecnn.runtime.heap import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(500_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    np.ones(500_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_arrays_come_from_memory_that_is_there() -> None:
    faults = {}
    for how in ("keep", "as it is"):
        # As Dask starts its workers.
        environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, how],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        faults[how] = int(done.stdout)
    assert faults["as it is"] >= 200
    assert faults["keep"] < faults["as it is"] / 10


#: Prints the page faults of scoring an hour, after the first few minutes of it.
SCORING = """
import resource, sys
import numpy as np
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.session import load_model
model = load_model("bundled:ecg-beats.int8", threads=1)
signal = np.tile(synthetic_ecg(60, 360, seed=1).signal_mv, 60)
np.savez(sys.argv[1] + "/a.npz", ecg=signal[:72000], fs=360.0, leads=["MLII"])
np.savez(sys.argv[1] + "/b.npz", ecg=signal, fs=360.0, leads=["MLII"])
faults = []
for name in "ab":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    score_records(model, [f"{sys.argv[1]}/{name}.npz"], f"{sys.argv[1]}/{name}")
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_one_process_alone_keeps_its_memory_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCORING, str(tmp_path)],
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 20_000
