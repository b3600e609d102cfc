"""CPUs, memory and disk that this process may use: the machine's, limited by affinity and cgroups.

os.cpu_count and sysconf report the whole machine, as psutil does. os.process_cpu_count (Python
3.13) respects affinity but no cgroup; loky respects the CPU quota but not the memory limit.
"""

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

SYSTEM = Path("/")


def available_cpus(system: Path = SYSTEM) -> int:
    """Return the number of CPUs by affinity and CPU quota, rounded up; at least 1."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cpus = os.cpu_count() or 1
    quotas = [math.ceil(quota) for quota in _cpu_quotas(system)]
    return max(1, min([cpus, *quotas]))


def available_memory(system: Path = SYSTEM) -> int:
    """Return the bytes of memory of the machine, or of the smallest limit of its cgroups."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [
        int(text)
        for name in ("memory.max", "memory.limit_in_bytes")
        for folder in _cgroups(system, "memory")
        if (text := _read(folder / name)).isdigit()  # "max" is no limit
    ]
    return min([machine, *limits])


def disk_space(folder: Path) -> tuple[int, int]:
    """Return the free and all bytes of the disk of a folder, which may not exist yet."""
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.free, usage.total


def _cpu_quotas(system: Path) -> Iterator[float]:
    for folder in _cgroups(system, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")  # version 2
        if not quota:
            quota = _read(folder / "cpu.cfs_quota_us")  # version 1; -1 is no limit
            period = _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)


def _cgroups(system: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's cgroup and of its parents, which limit it, too.

    In a container the path may be the host's, while only the root is mounted: it comes last.
    """
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = system / "sys/fs/cgroup" / (controller if controllers else "")
        folder = root / path.strip("/")
        yield from [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
