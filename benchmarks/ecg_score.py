"""How fast recordings become tables, beside what its parts would allow, and beside peers.

Times are of the processor, not of the clock (a shared machine's clock tells how busy others were),
but for workers and clusters, where the clock is what they are for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.timing import print_heading, print_table
from edgecnn.ecg.annotated_copy import symbols_of, write_annotated_copy
from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.conditioning import LeadConditioner, condition_lead
from edgecnn.ecg.lead_signal import CHUNK_SAMPLES, LeadSignal
from edgecnn.ecg.parts import make_part, read_part, write_part
from edgecnn.ecg.peaks import PeakDetector
from edgecnn.ecg.quality import LeadWatch
from edgecnn.ecg.readers import open_record, read_record
from edgecnn.ecg.readers.stored import stored_of
from edgecnn.ecg.record_page import record_document, record_figures, record_page
from edgecnn.ecg.report import write_report
from edgecnn.ecg.score import score_records
from edgecnn.ecg.strips import cut_strips
from edgecnn.ecg.table_rows import beat_rows
from edgecnn.ecg.tables import write_tables
from edgecnn.files import write_scratch
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.runtime.blas import keep_one_blas_thread
from edgecnn.runtime.heap import keep_freed_memory
from edgecnn.runtime.machine import usable_cpus
from edgecnn.runtime.session import Model, load_model

RECORDS = ("100", "103", "119", "208", "223", "232")
BATCH = 256


def cpu_s(call: Callable[[], object], runs: int) -> float:
    """Median of the processor's time in seconds."""
    taken = []
    for _ in range(runs):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return float(np.median(taken))


def parts(model: Model, folder: Path, runs: int) -> None:
    """One process, one thread: the whole, and its parts apart."""
    spec = model.metadata.input
    paths = [folder / name for name in RECORDS]
    leads = [read_record(path, lead="MLII") for path in paths]
    hours = sum(lead.duration_s for lead in leads) / 3600
    signals = [condition_lead(lead.signal_mv[:, 0], 360, 360).signal_uv for lead in leads]
    scored = [classify_record(lead, model) for lead in leads]
    tensors = [
        beat_inputs(signal, one.samples, spec) for signal, one in zip(signals, scored, strict=True)
    ]

    def read() -> None:
        for path in paths:
            for _ in LeadSignal(open_record(path, lead="MLII")).chunks():
                pass

    def watch() -> None:
        for lead in leads:
            watcher, conditioner = LeadWatch(360), LeadConditioner(360, 360)
            for chunk_mv in LeadSignal(stored_of(lead)).chunks():
                watcher.push(chunk_mv)
                conditioner.push(chunk_mv)

    def detect() -> None:
        for signal in signals:
            detector = PeakDetector(360)
            for first in range(0, signal.size, CHUNK_SAMPLES):
                detector.push(signal[first : first + CHUNK_SAMPLES])
            detector.flush()

    def cut() -> None:
        for signal, one in zip(signals, scored, strict=True):
            beat_inputs(signal, one.samples, spec)

    def run() -> None:
        for rows in tensors:
            for first in range(0, len(rows[spec.name]), BATCH):
                model.run({name: values[first : first + BATCH] for name, values in rows.items()})

    def write(place: Path) -> None:
        parts = []
        for file, one, lead in zip(paths, scored, leads, strict=True):
            signal = LeadSignal(stored_of(lead))
            symbols = symbols_of(one.labels)
            copy = write_annotated_copy(place / "annotations" / file.name, one, symbols, signal)
            part = make_part(file.name, copy, one, symbols, cut_strips(lead.signal_mv[:, 0], one))
            part = replace(part, figures=record_figures(part), rows=beat_rows(part))
            page = place / f"{file.name}.html"
            write_scratch(page, record_page(part, model).encode())
            write_scratch(page.with_suffix(".json"), record_document(part, model))
            write_part(page.with_suffix(".part"), part)
            parts.append(page.with_suffix(".part"))
        write_tables(place, model.metadata.labels, map(read_part, parts), [], jsonl=False)
        scores = [read_part(path).score for path in parts]
        write_report(place / "report.html", model, scores, [], lambda n: read_part(parts[n]))

    with tempfile.TemporaryDirectory() as out:
        times = {
            "read": cpu_s(read, runs),
            "fill gaps, judge quality": cpu_s(watch, runs),
            "detect": cpu_s(detect, runs),
            "beats to tensors": cpu_s(cut, runs),
            "network": cpu_s(run, runs),
            "write": cpu_s(lambda: write(Path(out)), runs),
            "from file to tables, pages, annotations": cpu_s(
                lambda: score_records(model, paths, Path(out) / "out"), runs
            ),
        }
    *single, (_, whole) = times.items()
    allowed = sum(seconds for _, seconds in single)
    print_heading(f"Scoring, one thread: {model.path.name}, {hours:.1f} h of MIT-BIH")
    print_table(
        ("part", "ms an hour of ECG", "hours of ECG a second"),
        [
            (name, f"{1e3 * seconds / hours:.1f}", f"{hours / seconds:.1f}")
            for name, seconds in times.items()
        ],
    )
    print(f"\nThe parts alone: {hours / allowed:.1f} h/s; reached: {allowed / whole:.2f} of it.")


def batches(model: Model, folder: Path, runs: int) -> None:
    """How many beats at once, and with how many threads."""
    spec = model.metadata.input
    record = read_record(folder / "208", lead="MLII")
    signal = condition_lead(record.signal_mv[:, 0], 360, 360).signal_uv
    rows = beat_inputs(signal, classify_record(record, model).samples, spec)
    count = len(rows[spec.name])
    lines = []
    for batch in (1, 16, 64, 256, 1024):
        cells = []
        for threads in (1, 2):
            other = load_model(model.path, threads=threads, check=False, spinning=False)

            def run(other: Model = other, batch: int = batch) -> None:
                for first in range(0, count, batch):
                    other.run({name: x[first : first + batch] for name, x in rows.items()})

            cells.append(f"{1e6 * cpu_s(run, runs) / count:.2f}")
        lines.append((str(batch), *cells))
    print_heading(f"Beats at once: {model.path.name}, µs of the processor a beat")
    print_table(("batch", "1 thread", "2 threads"), lines)


def memory(model: Model, folder: Path) -> None:
    """Score a record of six hours and one of a day, two leads: the most memory held."""
    lines = []
    with tempfile.TemporaryDirectory() as place:
        steps = np.rint(read_record(folder / "208").signal_mv * 200).astype("<i2")
        for hours in (6, 24):
            base = Path(place) / f"h{hours}"
            with base.with_suffix(".dat").open("wb") as file:
                for _ in range(2 * hours):
                    file.write(steps.tobytes())
            base.with_suffix(".hea").write_text(
                f"{base.name} 2 360 {2 * hours * len(steps)}\n"
                + "".join(f"{base.name}.dat 16 200 16 0 0 0 0 {lead}\n" for lead in ("MLII", "V1"))
            )
            code = (
                "import sys; from edgecnn.ecg.score import score_records; "
                "from edgecnn.runtime.heap import keep_freed_memory; keep_freed_memory(); "
                "from edgecnn.runtime.session import load_model; "
                "from edgecnn.runtime.machine import peak_rss_bytes; "
                "score_records(load_model(sys.argv[1], threads=1), [sys.argv[2]], sys.argv[3]); "
                "print(peak_rss_bytes())"
            )
            command = [sys.executable, "-c", code, model.path, base, Path(place) / "out"]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            lines.append((f"{hours} h", f"{int(told) / 1e6:.0f}"))
    print_heading(f"Memory: {model.path.name}, two leads at 360 Hz")
    print_table(("record", "most memory held, MB"), lines)


def engines(model: Model, folder: Path, runs: int, records: int) -> None:
    """Score the same records by this process, two workers, and a cluster of two."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "in"
        source.mkdir()
        samples = read_record(folder / "208", lead="MLII").signal_mv[: 360 * 120, 0]
        np.savez(source / "0000.npz", ecg=samples, fs=360.0, leads=["MLII"])
        for number in range(1, records):
            (source / f"{number:04}.npz").hardlink_to(source / "0000.npz")
        options = {
            "this process": {},
            "--workers 2": {"workers": 2},
            "--cluster local, 2 workers": {"workers": 2, "cluster": "local"},
        }
        clock: dict[str, list[float]] = {name: [] for name in options}
        tables = set()
        for _ in range(runs):
            for name, how in options.items():
                out = Path(place) / "out"
                first: list[float] = []
                score_records(
                    model,
                    [source],
                    out,
                    progress=lambda now, first=first: first or first.append(time.perf_counter()),
                    **how,
                )
                # From the first answer on: what starting takes is left out.
                clock[name].append(time.perf_counter() - first[0])
                tables.add((out / "beats.csv").read_bytes())
                shutil.rmtree(out)
        assert len(tables) == 1, "the tables differ"
    alone = min(clock["this process"])
    print_heading(
        f"{records:,} records of 2 min, {usable_cpus()} CPUs, load {os.getloadavg()[0]:.1f}"
    )
    print_table(
        ("", "fastest s", "median s", "times as fast"),
        [
            (name, f"{min(all_s):.2f}", f"{np.median(all_s):.2f}", f"{alone / min(all_s):.2f}")
            for name, all_s in clock.items()
        ],
    )


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--only", choices=("parts", "batches", "memory", "engines"))
    asked = parser.parse_args()
    root = os.environ.get("EDGECNN_DATA")
    if not root:
        print("EDGECNN_DATA names no folder of data: scoring is not measured")
        return
    folder = Path(root) / "mitdb"
    # As the command does.
    keep_freed_memory()
    keep_one_blas_thread()
    models = [load_model(f"bundled:{name}", threads=1) for name in ("ecg-beats", "ecg-beats.int8")]
    if asked.only in (None, "parts"):
        for model in models:
            parts(model, folder, asked.runs)
    if asked.only in (None, "batches"):
        for model in models:
            batches(model, folder, asked.runs)
    if asked.only in (None, "memory"):
        memory(models[1], folder)
    if asked.only in (None, "engines"):
        engines(models[1], folder, min(3, asked.runs), asked.records)


if __name__ == "__main__":
    main()
