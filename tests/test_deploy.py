"""The files under ``deploy/``: what of them can be tried without a daemon."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Mounts everything read-only but /tmp, which is empty, as a container does.
READ_ONLY = """
set -e
mount --make-rprivate /
points=$(awk '{print $2}' /proc/self/mounts | grep -v -e '^/proc' -e '^/sys' -e '^/dev')
for point in $points; do
    mount -o remount,bind,ro "$point" 2>/dev/null || true
done
mount -t tmpfs tmpfs "$1"
if touch "$2/probe" 2>/dev/null; then echo 'still writable' >&2; exit 99; fi
shift 2
exec "$@"
"""


def _unit(repository: Path) -> configparser.ConfigParser:
    # Keys may come more than once in a unit.
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(repository / "deploy" / "edgecnn-live@.service")
    return parser


def test_the_unit_says_what_it_relies_on(repository: Path) -> None:
    service = _unit(repository)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["DynamicUser"] == "yes"
    assert service["ProtectSystem"] == "strict"
    arguments = service["ExecStart"].split()
    assert arguments[:2] == ["/opt/edgecnn/bin/edgecnn", "live"]
    from edgecnn.cli.live import live

    known = {option for parameter in live.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known
    example = (repository / "deploy" / "edgecnn-live@.service").read_text()
    (options,) = re.findall(r"#\s+OPTIONS=(.*)", example)
    assert {word for word in options.split() if word.startswith("--")} <= known


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_with_the_unit(repository: Path, tmp_path: Path) -> None:
    text = (repository / "deploy" / "edgecnn-live@.service").read_text()
    # The command is looked for where it will lie.
    copy = tmp_path / "edgecnn-live@.service"
    copy.write_text(text.replace("/opt/edgecnn/bin/edgecnn", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True, text=True, timeout=240, check=False,
        env=os.environ | {"SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "edgecnn-live" not in done.stderr, done.stderr


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_an_image_runs_as_nobody_and_copies_what_is_there(repository: Path, kind: str) -> None:
    lines = (repository / "deploy" / f"Dockerfile.{kind}").read_text().splitlines()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert all(number.isdigit() and int(number) > 0 for number in user.split(":"))
    # Nothing is put into the image as root after that.
    assert not any(
        line.startswith(("RUN", "COPY")) for line in lines[lines.index(f"USER {user}") :]
    )
    ignored = (repository / ".dockerignore").read_text().split()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for name in line.split()[1:-1]:
                assert (repository / name).exists(), name
                assert f"!{name}" in ignored, name
    extra = {"cpu": ".[cpu,web]", "cuda": ".[gpu,web]"}[kind]
    assert any(extra in line for line in lines)


def _can_unshare() -> bool:
    try:
        return not subprocess.run(
            ["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True, check=False
        ).returncode
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _can_unshare(), reason="mounts may not be made here")
@pytest.mark.parametrize("command", ["live", "predict"])
def test_it_runs_on_a_read_only_file_system(command: str, repository: Path, tmp_path: Path) -> None:
    scratch, home = tmp_path / "scratch", tmp_path / "home"
    scratch.mkdir()
    home.mkdir()
    picture = tmp_path / "digit.png"
    from edgecnn.runtime.session import load_model

    golden = load_model("bundled:mnist-lenet5", check=False).golden
    assert golden is not None
    picture.write_bytes(golden.examples[0].data)
    what = {
        "live": ["--source", "test:?frames=5&pace=free", "--headless", "--json",
                 "--record", str(scratch / "out.mkv")],
        "predict": [str(picture), "--json"],
    }[command]  # fmt: skip
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(scratch), str(tmp_path),
         sys.executable, "-m", "edgecnn", command, "bundled:cifar10-resnet", *what],
        capture_output=True, text=True, timeout=240, check=False, cwd=home,
        env={name: value for name, value in os.environ.items() if name != "EDGECNN_CACHE"}
        | {"HOME": str(home), "XDG_CACHE_HOME": "", "TMPDIR": str(scratch),
           "PYTHONPATH": str(repository)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == {"live": 6, "predict": 1}[command]
    assert "warning" not in done.stderr
    assert list(home.iterdir()) == []
