"""What this machine is, read from kernel files of machines that this is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime import machine
from edgecnn.runtime.machine import (
    available_memory_bytes,
    check_threads,
    cpu_quota,
    describe_machine,
    usable_cpus,
)

X86 = """\
processor\t: 0
model name\t: Acme Fast CPU @ 3.00GHz
flags\t\t: fpu sse4_2 avx2 avx512_vnni avx512_bf16

processor\t: 1
model name\t: Acme Slow CPU
flags\t\t: fpu
"""
ARM = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd asimddp i8mm
"""


def proc(folder: Path, cpuinfo: str, cgroup: str = "0::/\n") -> Path:
    (folder / "self").mkdir(parents=True)
    (folder / "cpuinfo").write_text(cpuinfo)
    (folder / "meminfo").write_text("MemTotal:       16384 kB\nMemFree: 1 kB\n")
    (folder / "self" / "cgroup").write_text(cgroup)
    return folder


def test_this_machine() -> None:
    here = describe_machine()
    assert here.cpus == len(os.sched_getaffinity(0))
    assert here.memory_bytes > 2**28
    assert here.cpu
    assert here.cpu in str(here)


def test_x86(tmp_path: Path) -> None:
    found = describe_machine(proc(tmp_path / "proc", X86), tmp_path)
    assert found.cpu == "Acme Fast CPU @ 3.00GHz"
    assert found.int8 == ("avx512_vnni",)
    assert found.bfloat16 == ("avx512_bf16",)
    assert found.memory_bytes == 16384 * 1024
    assert found.quota is None


def test_arm_board_is_named_by_its_device_tree(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", ARM)
    (folder / "device-tree").mkdir()
    (folder / "device-tree" / "model").write_bytes(b"Raspberry Pi 5 Model B\0")
    found = describe_machine(folder, tmp_path)
    assert found.cpu == "Raspberry Pi 5 Model B"
    assert found.int8 == ("asimddp", "i8mm")


def test_without_kernel_files(tmp_path: Path) -> None:
    found = describe_machine(tmp_path, tmp_path)
    assert (found.memory_bytes, found.int8, found.quota) == (0, (), None)


def test_quota_of_cgroup_2_is_the_tightest_of_the_parents(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86, "0::/a/b\n")
    root = tmp_path / "cgroup"
    (root / "a" / "b").mkdir(parents=True)
    assert cpu_quota(folder, root) is None
    (root / "a" / "b" / "cpu.max").write_text("max 100000\n")
    assert cpu_quota(folder, root) is None
    (root / "a" / "cpu.max").write_text("150000 100000\n")
    assert cpu_quota(folder, root) == 1.5
    (root / "a" / "b" / "cpu.max").write_text("50000 100000\n")
    assert cpu_quota(folder, root) == 0.5


@pytest.mark.parametrize("path", ["cpu,cpuacct/docker/1f", "cpu"])
def test_quota_of_cgroup_1(path: str, tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86, "5:memory:/x\n4:cpu,cpuacct:/docker/1f\n")
    group = tmp_path / "cgroup" / path
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text("-1\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(folder, tmp_path / "cgroup") is None
    (group / "cpu.cfs_quota_us").write_text("250000\n")
    assert cpu_quota(folder, tmp_path / "cgroup") == 2.5


@pytest.mark.parametrize(("quota", "expected"), [(None, 8), (2.5, 2), (0.5, 1), (99.0, 8)])
def test_usable_cpus(quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert usable_cpus() == expected


def test_quota_is_said(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86)
    (tmp_path / "cpu.max").write_text("150000 100000")
    assert "quota 1.5" in str(describe_machine(folder, tmp_path))


def test_memory_of_this_machine() -> None:
    free = available_memory_bytes()
    assert free is not None
    assert 0 < free <= describe_machine().memory_bytes


def test_memory_is_what_the_kernel_has_to_give(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86)
    assert available_memory_bytes(folder, tmp_path) is None
    (folder / "meminfo").write_text("MemTotal: 16384 kB\nMemFree: 1 kB\nMemAvailable: 8 kB\n")
    assert available_memory_bytes(folder, tmp_path) == 8192


def test_memory_of_cgroup_2_is_what_the_tightest_leaves(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86, "0::/a/b\n")
    (folder / "meminfo").write_text("MemAvailable: 1000 kB\n")
    inner = tmp_path / "cgroup" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner / "memory.current").write_text("4096\n")
    assert available_memory_bytes(folder, tmp_path / "cgroup") == 1_024_000
    (inner.parent / "memory.max").write_text("10000\n")
    (inner.parent / "memory.current").write_text("6000\n")
    (inner.parent / "memory.stat").write_text("anon 3000\ninactive_file 1500\n")
    assert available_memory_bytes(folder, tmp_path / "cgroup") == 5500


def test_memory_of_cgroup_1(tmp_path: Path) -> None:
    folder = proc(tmp_path / "proc", X86, "4:memory:/docker/1f\n")
    (folder / "meminfo").write_text("MemAvailable: 1000 kB\n")
    group = tmp_path / "cgroup" / "memory"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("10000\n")
    (group / "memory.usage_in_bytes").write_text("12000\n")
    assert available_memory_bytes(folder, tmp_path / "cgroup") == 0


def test_data_is_what_was_asked_for() -> None:
    # In a process of its own: one that ran for a while may give it of what it has.
    script = """
from edgecnn.runtime.machine import data_bytes
before = data_bytes()
block = bytearray(64_000_000)
print(data_bytes() - before)
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) >= 64_000_000


def test_threads_that_no_machine_has_a_use_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    check_threads(64)
    with pytest.raises(UsageError, match="65 threads are more than this machine can use"):
        check_threads(65)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 128)
    check_threads(512)
    with pytest.raises(UsageError):
        check_threads(10**30)
