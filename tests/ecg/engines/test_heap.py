"""Memory that is freed and taken anew costs a worker no page faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: Prints the page faults of 200 arrays of 4 MB, each filled and freed.
FAULTS = """
import resource, sys
import numpy as np
from edgecnn.ecg.engines.heap import keep_freed_memory
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
