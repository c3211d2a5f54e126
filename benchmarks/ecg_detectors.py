"""R peaks: how fast and how right, beside other packages, in one run.

The peers are no dependencies. They run in the Python that ``--peers`` names (an environment with
any of sleepecg, wfdb, neurokit2, and biosppy with peakutils), which gets each signal in millivolts
and writes down samples and the processor's time; edgecnn runs here. Beats are compared as EC57
does: 150 ms, the first five minutes left out, ventricular flutter as the annotators marked it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import print_heading, print_table
from edgecnn.data.mitdb import DS1, DS2
from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.beats import match_beats
from edgecnn.ecg.conditioning import condition_lead
from edgecnn.ecg.ec57.evaluate import evaluate_records
from edgecnn.ecg.peaks import find_r_peaks
from edgecnn.ecg.readers import read_record

_STATISTICS = ("qrs_sensitivity", "qrs_positive_predictivity")

#: Runs in the peers' Python: signals in, samples and seconds out.
PEERS = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
folder, slow = sys.argv[1], int(sys.argv[2])
def sleepecg(x, rate):
    import sleepecg
    return sleepecg.detect_heartbeats(x, rate)
def wfdb_xqrs(x, rate):
    from wfdb import processing
    return processing.xqrs_detect(x, rate, verbose=False)
def neurokit2(x, rate):
    import neurokit2
    return neurokit2.ecg_peaks(neurokit2.ecg_clean(x, rate), rate)[1]["ECG_R_Peaks"]
def neurokit2_process(x, rate):
    import neurokit2
    return neurokit2.ecg_process(x, rate)[1]["ECG_R_Peaks"]
def biosppy(x, rate):
    from biosppy.signals import ecg
    filtered = ecg.st.filter_signal(x, "FIR", "bandpass", int(0.3 * rate), [3, 45], rate)[0]
    return ecg.hamilton_segmenter(filtered, rate)[0]
found = {}
signals = np.load(f"{folder}/signals.npz")
for finder in (sleepecg, wfdb_xqrs, neurokit2, neurokit2_process, biosppy):
    name, results = finder.__name__, {}
    try:
        finder(signals[signals.files[0]][: 360 * 20], 360)
    except Exception as error:
        print(f"{name}: {error!r}"[:200], file=sys.stderr)
        continue
    # The slow ones do as many records as there is patience for.
    few = signals.files if name == "sleepecg" else signals.files[::slow]
    for key in few:
        rate = int(key.rpartition("@")[2])
        started = time.process_time()
        try:
            peaks = finder(signals[key], rate)
        except Exception as error:
            print(f"{name} on {key}: {error!r}"[:200], file=sys.stderr)
            peaks = []
        seconds = time.process_time() - started
        results[key] = [sorted(int(p) for p in peaks), seconds]
    found[name] = results
json.dump(found, open(f"{folder}/found.json", "w"))
"""


def load(root: Path) -> dict[str, NDArray[np.float64]]:
    """Return each record's lead in millivolts, by ``name@rate``."""
    signals = {}
    for name in (*DS1, *DS2):
        record = read_record(root / "mitdb" / str(name), lead="MLII")
        signals[f"{name}@360"] = record.signal_mv[:, 0]
    for path in sorted((root / "ecg-extra" / "cpsc2019" / "data").glob("*.mat")):
        record = read_record(path, rate_hz=500, lead="1")
        signals[f"{path.stem}@500"] = record.signal_mv[:, 0]
    return signals


def own(signals: dict[str, NDArray[np.float64]]) -> dict[str, tuple[list[int], float]]:
    """Find R peaks as scoring does: conditioned, at 360 Hz, brought back to the record's rate."""
    found = {}
    for key, signal in signals.items():
        rate = int(key.rpartition("@")[2])
        started = time.process_time()
        at = find_r_peaks(condition_lead(signal, rate, 360).signal_uv, 360)
        peaks = np.rint(at * (rate / 360)).astype(int).tolist()
        found[key] = (peaks, time.process_time() - started)
    return found


def mitdb_row(root: Path, names: list[str], peaks: dict[str, list[int]]) -> tuple[str, ...]:
    """Return gross sensitivity and positive predictivity by EC57, in percent."""
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            at = np.unique(np.maximum(peaks[name], 0))
            write_annotations(Path(place) / f"{name}.qrs", at, ["N"] * len(at))
        folder = root / "mitdb"
        evaluation = evaluate_records([folder / name for name in names], test="qrs", test_dir=place)
    gross = [evaluation.statistics[name].gross for name in _STATISTICS]
    return tuple("" if value is None else f"{100 * value:.2f}" for value in gross)


def cpsc_row(root: Path, keys: list[str], peaks: dict[str, list[int]]) -> tuple[str, str, int]:
    """Return sensitivity and positive predictivity on CPSC 2019, 150 ms.

    The first and the last half second of its ten are not judged.
    """
    from scipy.io import loadmat

    hits = beats = found = 0
    for key in keys:
        name = key.partition("@")[0]
        place = root / "ecg-extra" / "cpsc2019" / "ref" / f"{name.replace('data_', 'R_')}.mat"
        reference = np.sort(loadmat(place)["R_peak"].reshape(-1).astype(np.int64))
        own_peaks = np.array(peaks[key], dtype=np.int64)
        pairs = match_beats(reference, own_peaks, rate_hz=500)
        left, right = {i for i, _ in pairs}, {j for _, j in pairs}
        inside = (reference > 250) & (reference < 4750)
        hits += len(pairs)
        beats += len(pairs) + sum(inside[i] for i in range(len(reference)) if i not in left)
        found += len(pairs)
        found += sum(250 < p < 4750 for j, p in enumerate(own_peaks) if j not in right)
    return f"{100 * hits / beats:.2f}", f"{100 * hits / found:.2f}", beats


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON", help="Python that has the peers")
    parser.add_argument(
        "--every", type=int, default=6, help="records that slow peers do: every n-th"
    )
    asked = parser.parse_args()
    root = Path(os.environ.get("EDGECNN_DATA") or "")
    if not (root / "mitdb").is_dir():
        print("EDGECNN_DATA names no folder with mitdb: detectors are not compared")
        return
    signals = load(root)
    found = {"edgecnn": own(signals)}
    if asked.peers:
        with tempfile.TemporaryDirectory() as place:
            np.savez(Path(place) / "signals.npz", **signals)
            command = [asked.peers, "-c", PEERS, place, str(asked.every)]
            subprocess.run(command, check=True, stdout=sys.stderr)
            found |= json.loads((Path(place) / "found.json").read_text())
    print_heading("R peaks: hours of ECG a second of the processor, and how many are right")
    rows = []
    for name, results in found.items():
        peaks = {key: results[key][0] for key in results}
        mitdb = {key.partition("@")[0]: own_ for key, own_ in peaks.items() if key.endswith("@360")}
        cpsc = [key for key in peaks if key.endswith("@500")]
        seconds = sum(results[f"{record}@360"][1] for record in mitdb)
        hours = sum(signals[f"{record}@360"].size for record in mitdb) / 360 / 3600
        cells = [name, str(len(mitdb)), f"{hours / seconds:.2f}"]
        for part in (DS1, DS2):
            names = [str(record) for record in part if str(record) in mitdb]
            cells += mitdb_row(root, names, mitdb) if names else ("", "")
        cells += [f"{len(cpsc)}", *cpsc_row(root, cpsc, peaks)[:2]] if cpsc else ["0", "", ""]
        rows.append(tuple(cells))
    print_table(
        ("", "records", "h/s", "DS1 Se", "DS1 +P", "DS2 Se", "DS2 +P", "CPSC", "Se", "+P"), rows
    )


if __name__ == "__main__":
    main()
