"""A long run on a camera that fails: memory, descriptors and threads flat, the ledger exact.

`edgecnn live` runs as a process of its own on the fault drill; every JSON line is checked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import print_heading, print_table

FAULTS = "stall=1s,black,freeze=8s,corrupt,garbled,resize,burst=500ms,wrong-shape"
#: Only a live source is opened again.
LIVE_FAULTS = f"{FAULTS},lost=1s"
#: A stream is looked at so often.
_SAMPLES = 400
#: What caches and pools take at first is no leak: the first quarter does not count.
_WARM_UP = 0.25
#: Flat is what would grow by less than this in the whole run.
LIMITS = {"RSS MB": 2.0, "descriptors": 0.5, "threads": 0.5}


@dataclass
class Soak:
    """What was seen.

    Attributes
    ----------
    rows : int
    unbalanced, lying : int
        Lines whose ledger does not add up, and labels that failed frames were given.
    unknown : dict
        Answers without a label, by their cause.
    samples : list
        ``(rows, RSS MB, descriptors, threads)``.
    silences : list of float
        Seconds without a line, where it was more than a quarter of one.
    """

    rows: int = 0
    unbalanced: int = 0
    lying: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[int, float, int, int]] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def take(self, row: dict[str, Any]) -> None:
        """Check one line."""
        self.rows += 1
        ledger = row["ledger"]
        parts = ("processed", "dropped", "failed", "pending")
        self.unbalanced += ledger["captured"] != sum(ledger[part] for part in parts)
        if row["state"] == "unknown":
            cause = row.get("cause") or row["reason"].partition(":")[0]
            self.unknown[cause] = self.unknown.get(cause, 0) + 1
        elif row.get("truth") == "unknown":
            self.lying += 1


def sample(pid: int) -> tuple[float, int, int]:
    """Return resident memory in MB, open descriptors and threads of a process."""
    folder = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    descriptors = len(list((folder / "fd").iterdir()))
    return int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"])


def soak(frames: int, model: str, every_s: float, live_fps: float | None, size: str) -> Soak:
    """Run it."""
    how = f"{FAULTS}?pace=free" if live_fps is None else f"{LIVE_FAULTS}?fps={live_fps:g}"
    source = f"fault:{how}&frames={frames}&every={every_s:g}&size={size}"
    edgecnn = str(Path(sys.executable).with_name("edgecnn"))
    command = [edgecnn, "live", model, "--source", source, "--headless", "--json", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = Soak()
    step, last = max(1, frames // _SAMPLES), time.perf_counter()
    for line in process.stdout:
        now = time.perf_counter()
        if now - last > 0.25:
            found.silences.append(now - last)
        last = now
        row = json.loads(line)
        if "summary" in row:
            found.summary = row["summary"]
            break
        found.take(row)
        if found.rows % step == 0:
            found.samples.append((found.rows, *sample(process.pid)))
    process.stdout.close()
    process.wait()
    return found


def growth(found: Soak, column: int) -> tuple[float, float]:
    """Return what the whole run would grow by, and the half width of its 95 % interval.

    A straight line through the samples after the warm-up; their medians in twenty stretches, since
    samples close to each other are not independent.
    """
    samples = np.array(found.samples, dtype=float)
    samples = samples[int(_WARM_UP * len(samples)) :]
    stretches = np.array_split(samples, min(20, len(samples)))
    x = np.array([np.median(stretch[:, 0]) for stretch in stretches])
    y = np.array([np.median(stretch[:, column]) for stretch in stretches])
    centred = x - x.mean()
    slope = float((centred * (y - y.mean())).sum() / (centred**2).sum())
    rest = y - y.mean() - slope * centred
    error = float(np.sqrt((rest**2).sum() / max(1, len(x) - 2) / (centred**2).sum()))
    return slope * found.rows, 2.1 * error * found.rows


def main() -> None:
    """Run and print the tables; exit code 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--model", default="bundled:mnist-lenet5")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between the faults")
    parser.add_argument("--size", default="640x480", help="of the pictures")
    parser.add_argument(
        "--live", type=float, metavar="FPS", help="as a camera of that rate, which is lost as well"
    )
    chosen = parser.parse_args()
    started = time.perf_counter()
    found = soak(chosen.frames, chosen.model, chosen.every, chosen.live, chosen.size)
    summary = found.summary
    print_heading(f"Soak: {found.rows:,} frames in {time.perf_counter() - started:.0f} s")
    rows, bad = [], []
    for column, (name, limit) in enumerate(LIMITS.items(), start=1):
        values = [each[column] for each in found.samples]
        grown, width = growth(found, column)
        met = grown - width <= limit
        bad += [] if met else [name]
        rows.append(
            (
                name,
                f"{values[0]:.0f}",
                f"{min(values):.0f} to {max(values):.0f}",
                f"{values[-1]:.0f}",
                f"{grown:+.2f} ± {width:.2f}",
                f"{limit:g}: {'met' if met else 'MISSED'}",
            )
        )
    print_table(("", "first", "range", "last", "growth in the run", "goal"), rows)
    counts = {name: summary[name] for name in ("captured", "processed", "dropped", "failed")}
    exact = summary["pending"] == 0 and counts["captured"] == sum(
        counts[name] for name in ("processed", "dropped", "failed")
    )
    checks = {
        "lines whose ledger does not add up": found.unbalanced,
        "labels given to frames that show nothing": found.lying,
        "summary does not add up": int(not exact),
        "frames without a line": counts["captured"] - counts["dropped"] - found.rows,
    }
    print()
    print_table(("", "seen", "goal"), [
        (name, str(count), f"0: {'met' if not count else 'MISSED'}")
        for name, count in checks.items()
    ])  # fmt: skip
    bad += [name for name, count in checks.items() if count]
    print(f"\nunknown: {', '.join(f'{n:,} {name}' for name, n in sorted(found.unknown.items()))}")
    print(f"silences: {len(found.silences)}, longest {max(found.silences, default=0):.2f} s")
    print(f"summary: {json.dumps(summary)}")
    if bad:
        raise SystemExit(f"not as it should be: {', '.join(bad)}")


if __name__ == "__main__":
    main()
