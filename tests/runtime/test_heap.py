"""Memory that is freed and taken anew costs a worker no page faults."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime import heap
from edgecnn.runtime.session import load_model

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
from edgecnn.cli.run import run
from edgecnn.ecg.synthetic import synthetic_ecg
signal = np.tile(synthetic_ecg(60, 360, seed=1).signal_mv, 60)
np.savez(sys.argv[1] + "/a.npz", ecg=signal[:72000], fs=360.0, leads=["MLII"])
np.savez(sys.argv[1] + "/b.npz", ecg=signal, fs=360.0, leads=["MLII"])
faults = []
for name in "ab":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    paths = [f"{sys.argv[1]}/{name}.npz", "-o", f"{sys.argv[1]}/{name}"]
    assert run(["score", "bundled:ecg-beats.int8", *paths]) == 0
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[1], file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_the_command_keeps_its_memory_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCORING, str(tmp_path)],
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stderr.splitlines()[-1]) < 20_000


def test_the_library_leaves_the_process_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(heap, "_set", lambda *setting: told.append(setting) or True)
    signal = synthetic_ecg(20, 360, seed=1).signal_mv
    np.savez(tmp_path / "a.npz", ecg=signal, fs=360.0, leads=["MLII"])
    score_records(load_model("bundled:ecg-beats", threads=1), [tmp_path / "a.npz"], tmp_path / "o")
    assert not told
    assert run(["score", "bundled:ecg-beats", f"{tmp_path}/a.npz", "-o", f"{tmp_path}/p"]) == 0
    assert told
