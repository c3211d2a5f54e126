"""`edgecnn live` on a 720p file beside the loops that people write: whole processes, in turns.

Each loop opens the file, resizes, normalises, runs the network and prints a line of JSON for every
frame, as `edgecnn live --json` does. Two run with what edgecnn needs: ONNX Runtime, and OpenCV's
own network module. ``--peers PYTHON`` names a Python that has ``openvino`` and ``vidgear`` besides
(whose reader decodes on a thread); they are no dependencies.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.live import Network, make_video, networks
from benchmarks.timing import print_heading, print_table
from edgecnn.metadata import ImageInput

#: Ends a process that cannot run here.
_CANNOT = 3

LOOP = """
import json, sys, time
import cv2, numpy as np

path, video, size, how, engine, reader = sys.argv[1:]
size, how = int(size), getattr(cv2, how)
mean = np.float32({mean}).reshape(-1, 1, 1)
std = np.float32({std}).reshape(-1, 1, 1)
try:
    if engine == "onnxruntime":
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        run = lambda x: session.run(None, {{name: x}})[0][0]
    elif engine == "opencv":
        net = cv2.dnn.readNetFromONNX(path)
        def run(x):
            net.setInput(x)
            return net.forward()[0]
    else:
        import openvino
        compiled = openvino.Core().compile_model(path, "CPU", {{"PERFORMANCE_HINT": "LATENCY"}})
        run = lambda x: compiled(x)[0][0]
    if reader == "vidgear":
        from vidgear.gears import CamGear
        stream = CamGear(source=video, logging=False).start()
        read = stream.read
    else:
        capture = cv2.VideoCapture(video)
        read = lambda: capture.read()[1]
except ImportError:
    raise SystemExit({cannot})
times, started = [], time.perf_counter()
while True:
    frame = read()
    if frame is None:
        break
    captured = time.perf_counter()
    picture = cv2.cvtColor(cv2.resize(frame, (size, size), interpolation=how), cv2.COLOR_BGR2RGB)
    tensor = (picture.transpose(2, 0, 1).astype(np.float32) / 255 - mean) / std
    logits = run(np.ascontiguousarray(tensor[None]))
    print(json.dumps({{"label": int(logits.argmax()), "score": float(logits.max())}}), flush=True)
    times.append(1000 * (time.perf_counter() - captured))
seconds = time.perf_counter() - started
print(json.dumps({{"fps": len(times) / seconds, "p95": float(np.percentile(times, 95))}}))
"""

#: Name of a loop to how it resizes, what runs the network, and what reads the file.
LOOPS = {
    "loop on ONNX Runtime, resized alike": ("INTER_AREA", "onnxruntime", "opencv"),
    "loop on ONNX Runtime, bilinear": ("INTER_LINEAR", "onnxruntime", "opencv"),
    "loop on OpenCV's networks, bilinear": ("INTER_LINEAR", "opencv", "opencv"),
    "loop on OpenVINO, resized alike": ("INTER_AREA", "openvino", "opencv"),
    "loop on OpenVINO, bilinear": ("INTER_LINEAR", "openvino", "opencv"),
    "vidgear's reader, resized alike": ("INTER_AREA", "onnxruntime", "vidgear"),
}


@dataclass(frozen=True)
class Process:
    """What one whole process came to."""

    fps: float
    p95_ms: float
    cpu_s: float
    rss_mb: float
    wall_s: float


def _process(command: list[str], read: Callable[[str], tuple[float, float]]) -> Process | None:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    last, peak_kb = "", 0
    for number, line in enumerate(process.stdout):
        last = line
        if number % 10 == 0:
            peak_kb = max(peak_kb, _peak_kb(process.pid))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode == _CANNOT:
        return None
    if process.returncode:
        raise SystemExit(f"{command[:4]} failed")
    fps, p95 = read(last)
    wall = time.perf_counter() - started
    return Process(fps, p95, usage.ru_utime + usage.ru_stime, peak_kb / 1024, wall)


def _peak_kb(pid: int) -> int:
    """Return the most memory held so far; what ``wait4`` tells begins with the parent's."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) if found else 0


def _commands(
    network: Network, video: Path, folder: Path, python: str
) -> dict[str, tuple[list[str], Callable[[str], tuple[float, float]]]]:
    model = network.load(1)
    spec = model.metadata.input
    assert isinstance(spec, ImageInput)
    script = folder / f"{network.name}.py"
    script.write_text(LOOP.format(mean=list(spec.mean), std=list(spec.std), cannot=_CANNOT))
    edgecnn = str(Path(sys.executable).with_name("edgecnn"))
    live = [edgecnn, "live", network.path, "--source", str(video), "--headless", "--json"]
    if network.contract is not None:
        toml = folder / f"{network.name}.toml"
        toml.write_text(_toml(spec))
        live += ["--metadata", str(toml)]
    commands = {"edgecnn live": ([*live, "--no-check"], _ours)}
    for name, chosen in LOOPS.items():
        loop = [python, str(script), str(model.path), str(video), str(spec.width), *chosen]
        commands[name] = (loop, _theirs)
    return commands


def _ours(last: str) -> tuple[float, float]:
    summary = json.loads(last)["summary"]
    return summary["fps"], summary["latency_ms"]["p95"]


def _theirs(last: str) -> tuple[float, float]:
    row = json.loads(last)
    return row["fps"], row["p95"]


def _toml(spec: ImageInput) -> str:
    labels = ", ".join(f'"{number}"' for number in range(1000))
    return f"""
task = "classify"
labels = [{labels}]

[input]
kind = "image"
name = "input"
height = {spec.height}
width = {spec.width}
colour = "{spec.colour}"
mean = {list(spec.mean)}
std = {list(spec.std)}

[output]
name = "output"
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=300, help="of the video")
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--only", metavar="NETWORK", help="one of the networks")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        video = Path(name) / "video.mp4"
        make_video(video, chosen.frames)
        for network in networks()[1:]:
            if chosen.only not in (None, network.name):
                continue
            commands = _commands(network, video, Path(name), chosen.peers)
            found: dict[str, list[Process]] = {name: [] for name in commands}
            for _ in range(chosen.rounds):
                for title, (command, read) in commands.items():
                    run = _process(command, read)
                    if run is not None:
                        found[title].append(run)
            rows += [
                _row(f"{network.name}, {title}", runs) for title, runs in found.items() if runs
            ]
    print_heading("Live: whole processes on a 720p file")
    header = ("", "fps", "10 to 90 %", "p95 ms", "CPU ms a frame", "RSS MB")
    print_table(
        header, [(*row[:4], f"{row[4] / chosen.frames * 1000:.3g}", row[5]) for row in rows]
    )
    print(
        "\np95: from a frame's capture to its answer; of `edgecnn live`, which decodes ahead, with "
        "the wait in its queue of four frames. Resized alike: by averaging areas, as the network "
        "was trained; bilinear resizing skips most pixels of a 720p frame, and takes 2 ms less."
    )


def _row(title: str, runs: list[Process]) -> tuple[str, str, str, str, float, str]:
    fps = [run.fps for run in runs]
    low, high = np.percentile(fps, [10, 90])
    return (
        title,
        f"{np.median(fps):.1f}",
        f"{low:.0f} to {high:.0f}",
        f"{np.median([run.p95_ms for run in runs]):.3g}",
        float(np.median([run.cpu_s for run in runs])),
        f"{np.median([run.rss_mb for run in runs]):.0f}",
    )


if __name__ == "__main__":
    main()
