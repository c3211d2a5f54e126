from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from edgecnn.ecg.readers import open_record, stays_in_file
from edgecnn.errors import UsageError

_HOURS = 24
_RATE = 250
#: A chunk of a minute and what it is made of; 24 hours of two leads are 346 MB of numbers.
_GROWTH_MB = 60


def day_long(folder, form):
    """Two leads, all zero but for the file system: 24 hours in no time."""
    samples = _HOURS * 3600 * _RATE
    if form == "edf":
        signals = ("ECG II", "ECG V1")
        fields = [(16, signals), (80, ("", "")), (8, ("mV", "mV")), (8, (-10, -10)), (8, (10, 10))]
        fields += [(8, (-1000, -1000)), (8, (1000, 1000)), (80, ("", "")), (8, (_RATE, _RATE))]
        fields += [(32, ("", ""))]
        head = f"{'0':8}{'X':80}{'X':80}01.01.2001.01.01{768:<8}{'':44}{_HOURS * 3600:<8}{1:<8}2   "
        head += "".join(f"{value!s:{width}}" for width, pair in fields for value in pair)
        path = file = folder / "r.edf"
        file.write_text(head)
    else:
        head = ""
        path, file = folder / "r.hea", folder / "r.dat"
        signals = "".join(f"r.dat {form} 100 16 0 0 0 0 {lead}\n" for lead in ("II", "V1"))
        path.write_text(f"r 2 {_RATE} {samples}\n{signals}")
    size = samples * 3 if form == "212" else samples * 4
    with file.open("ab") as out:
        out.truncate(len(head) + size)
    return path


@pytest.mark.parametrize("form", ["16", "212", "edf"])
def test_the_length_of_a_recording_makes_no_difference_to_the_memory(tmp_path, form):
    path = day_long(tmp_path, form)
    code = f"""
import json, resource
from edgecnn.ecg.readers import iter_chunks, read_record
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
samples = sum(len(piece) for piece in iter_chunks({str(path)!r}, 60))
print(json.dumps([samples, peak() - before]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    samples, growth_mb = json.loads(done.stdout)
    assert samples == _HOURS * 3600 * _RATE
    assert growth_mb < _GROWTH_MB


def test_a_stretch_is_fetched_from_its_place(recording_of, drawn):
    for form in ("wfdb-212", "edf", "ishne", "segments", "wfdb-24"):
        stored = open_record(recording_of(form), lead="II")
        for first, stop in ((0, 1), (7, 8), (399, 402), (250, 750), (1002, 1003)):
            part = stored.fetch(first, stop)
            assert part.shape == (stop - first, 1)
            assert np.allclose(part[:, 0], drawn.signal_mv[first:stop, 1])


def test_formats_that_stay_in_the_file(recording_of):
    assert stays_in_file(recording_of("ishne"))
    assert not stays_in_file(recording_of("csv"))


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_piece_has_a_length(recording_of, seconds):
    with pytest.raises(UsageError, match="pieces of"):
        next(open_record(recording_of("csv")).chunks(seconds))
