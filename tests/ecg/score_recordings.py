"""Records to be scored, and results to be looked at."""

from __future__ import annotations

import csv

import numpy as np

from edgecnn.ecg.annotations import write_annotations

RATE = 360.0

TABLES = {"records.csv", "beats.csv", "errors.csv", "report.html"}

RESULTS = TABLES | {"annotations", "records"}


def write_table(path, ecg, rate_hz=RATE, lead="MLII"):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# Sampling rate = {rate_hz:g}", lead, *(f"{v:.4f}" for v in ecg.signal_mv)]
    path.write_text("\n".join(lines) + "\n")


def write_wfdb(base, ecg, rate_hz=RATE, lead="MLII"):
    """A record in format 16 with its reference annotations."""
    base.parent.mkdir(parents=True, exist_ok=True)
    steps = np.rint(ecg.signal_mv * 1000).astype("<i2")
    base.with_suffix(".dat").write_bytes(steps.tobytes())
    base.with_suffix(".hea").write_text(
        f"{base.name} 1 {rate_hz:g} {len(steps)}\n"
        f"{base.name}.dat 16 1000 16 0 {steps[0]} {checksum(steps)} 0 {lead}\n"
    )
    write_annotations(base.with_suffix(".atr"), ecg.samples, ecg.symbols)


def checksum(steps):
    return int(np.int64(steps.sum(dtype=np.int64)).astype(np.int16))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def visible(out):
    """What a person finds there, by name: contents, or where a link leads."""
    if not out.exists():
        return {}
    found = {}
    for path in out.rglob("*"):
        name = path.relative_to(out)
        if not path.is_dir() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path.readlink() if path.is_symlink() else path.read_bytes()
    return found


def differing(one, other):
    """Name the files that one folder lacks or that differ; a diff of all bytes takes minutes."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
