"""What this machine is: processor, cores that may be used, instructions that INT8 needs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import UsageError

__all__ = [
    "Machine",
    "available_memory_bytes",
    "check_threads",
    "cpu_quota",
    "data_bytes",
    "describe_machine",
    "peak_rss_bytes",
    "usable_cpus",
]

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")

#: Threads for each CPU beyond which more are of no use, and how many are always fine.
_THREADS_PER_CPU, _FEW_THREADS = 4, 64

#: Instructions that add up 8-bit products in 32 bits, as the kernel names them in ``flags`` (x86)
#: and ``Features`` (ARM). Without one, x86 adds pairs in 16 bits, which saturates: see "Quantize
#: ONNX models" in ONNX Runtime's documentation, "When and why do I need to try U8U8?".
INT8_INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")

#: Instructions that multiply bfloat16, by the same names. Without one, PyTorch emulates them.
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


@dataclass(frozen=True)
class Machine:
    """Facts about this machine that explain a latency.

    Attributes
    ----------
    cpu : str
        Model name, as the kernel states it.
    architecture : str
        ``"x86_64"``, ``"aarch64"``, ...
    cpus : int
        Logical CPUs that this process may run on.
    quota : float or None
        CPUs' worth of time that its control group grants; None when there is no limit.
    memory_bytes : int
    int8 : tuple of str
        Those of :data:`INT8_INSTRUCTIONS` that it has.
    system : str
        Kernel and release.
    bfloat16 : tuple of str
        Those of :data:`BFLOAT16_INSTRUCTIONS` that it has.
    """

    cpu: str
    architecture: str
    cpus: int
    quota: float | None
    memory_bytes: int
    int8: tuple[str, ...]
    system: str
    bfloat16: tuple[str, ...] = ()

    def __str__(self) -> str:
        limit = f", quota {self.quota:g}" if self.quota is not None else ""
        return f"{self.cpu} ({self.architecture}, {self.cpus} CPUs{limit})"


def describe_machine(proc: Path = _PROC, cgroup: Path = _CGROUP) -> Machine:
    """Read what this machine is.

    Parameters
    ----------
    proc, cgroup : Path
        Where the kernel's files lie.

    Examples
    --------
    >>> describe_machine().cpus >= 1
    True
    """
    cpuinfo = _fields(proc / "cpuinfo")
    flags = f"{cpuinfo.get('flags', '')} {cpuinfo.get('Features', '')}".split()
    model = cpuinfo.get("model name") or _device_tree_model(proc) or platform.processor()
    return Machine(
        cpu=model or platform.machine(),
        architecture=platform.machine(),
        cpus=len(os.sched_getaffinity(0)),
        quota=cpu_quota(proc, cgroup),
        memory_bytes=_kilobytes(proc / "meminfo", "MemTotal") or 0,
        int8=tuple(name for name in INT8_INSTRUCTIONS if name in flags),
        bfloat16=tuple(name for name in BFLOAT16_INSTRUCTIONS if name in flags),
        system=f"{platform.system()} {platform.release()}",
    )


def cpu_quota(proc: Path = _PROC, cgroup: Path = _CGROUP) -> float | None:
    """Return the CPUs' worth of time that this process's control group grants, or None.

    Version 2 (``cpu.max``, the tightest of the group and its parents) and version 1
    (``cpu.cfs_quota_us``) are read. A container with ``--cpus 1.5`` gives 1.5.
    """
    limits = []
    for version, folder in _groups("cpu", proc, cgroup):
        if version == 2:
            limits.append(_ratio(*_text(folder / "cpu.max").split()))
        else:
            quota = _text(folder / "cpu.cfs_quota_us").strip()
            limits.append(_ratio(quota, _text(folder / "cpu.cfs_period_us").strip()))
    return min((limit for limit in limits if limit is not None), default=None)


def available_memory_bytes(proc: Path = _PROC, cgroup: Path = _CGROUP) -> int | None:
    """Return the bytes that may be allocated without anything being killed or swapped out.

    That is what the kernel has to give, and no more than this process's control group (of version
    1 or 2) and its parents leave. None where the kernel does not say.
    """
    free = [_kilobytes(proc / "meminfo", "MemAvailable")]
    for version, folder in _groups("memory", proc, cgroup):
        names = ("max", "current") if version == 2 else ("limit_in_bytes", "usage_in_bytes")
        limit, used = (_text(folder / f"memory.{name}").strip() for name in names)
        if not (limit.isdigit() and used.isdigit()):
            continue
        stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
        # Files that were read and can be forgotten count as used.
        cached = stat.get("inactive_file" if version == 2 else "total_inactive_file", "0")
        free.append(max(0, int(limit) - int(used) + int(cached)))
    return min((each for each in free if each is not None), default=None)


def usable_cpus() -> int:
    """Return how many threads can run at once: affinity, cut by the control group's quota."""
    quota = cpu_quota()
    cpus = len(os.sched_getaffinity(0))
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def check_threads(threads: int) -> None:
    """Refuse more threads than can do anything but wait for each other.

    ONNX Runtime starts every thread it is asked for and lets them spin: a few hundred on two CPUs
    take half a minute to open a small model.

    Raises
    ------
    UsageError
    """
    most = max(_FEW_THREADS, _THREADS_PER_CPU * (os.cpu_count() or 1))
    if threads > most:
        raise UsageError(
            f"{threads} threads are more than this machine can use",
            hint=f"it has {usable_cpus()} CPUs to use; at most {most} threads are started",
        )


def peak_rss_bytes(proc: Path = _PROC) -> int:
    """Return the most memory that this process has held so far.

    ``getrusage`` would tell no less than the process that started this one held: its figure
    survives ``exec``.
    """
    return _kilobytes(proc / "self" / "status", "VmHWM") or 0


def data_bytes(proc: Path = _PROC) -> int:
    """Return the memory of its own that this process has asked for: what RLIMIT_DATA limits."""
    return _kilobytes(proc / "self" / "status", "VmData") or 0


def _groups(controller: str, proc: Path, cgroup: Path) -> Iterator[tuple[int, Path]]:
    """Yield the control groups that limit this process: their hierarchy's version, and folder."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            group = cgroup / path.strip("/")
            for folder in (group, *group.parents):
                if folder == cgroup.parent:
                    break
                yield 2, folder
        elif controller in controllers.split(","):
            # Inside a container the group's own folder is mounted as the root.
            yield 1, cgroup / controllers / path.strip("/")
            yield 1, cgroup / controller


def _kilobytes(path: Path, name: str) -> int | None:
    """Read a field such as ``VmHWM:  1234 kB`` as bytes."""
    value = _fields(path).get(name)
    return int(value.split()[0]) * 1024 if value else None


def _ratio(quota: str = "", period: str = "") -> float | None:
    """Divide, unless it says ``max``, -1 or nothing."""
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)


def _fields(path: Path) -> dict[str, str]:
    """Read ``name : value`` lines; of a repeated name, the first."""
    fields: dict[str, str] = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _device_tree_model(proc: Path) -> str:
    """Board name, where the kernel has a device tree (ARM boards name no CPU model)."""
    return _text(proc / "device-tree" / "model").rstrip("\0\n")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
