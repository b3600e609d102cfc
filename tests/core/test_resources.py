"""What this process may use of its machine, in cgroups of both versions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rubberduck.core.resources import available_cpus, available_memory
from rubberduck.core.settings import ROOT

GIGABYTE = 1 << 30


def system(folder: Path, cgroup: str, files: dict[str, str]) -> Path:
    """Make /proc/self/cgroup and files below /sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_without_cgroups_it_is_the_machine(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == len(os.sched_getaffinity(0))
    assert available_memory(tmp_path) > GIGABYTE // 8


def test_the_smallest_limit_of_the_cgroup_and_its_parents(tmp_path: Path) -> None:
    here = system(
        tmp_path,
        "0::/pod/site\n",
        {
            "sys/fs/cgroup/pod/site/memory.max": "max\n",
            "sys/fs/cgroup/pod/memory.max": f"{GIGABYTE // 16}\n",
            "sys/fs/cgroup/pod/site/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/pod/cpu.max": "max 100000\n",
        },
    )
    assert available_memory(here) == GIGABYTE // 16
    assert available_cpus(here) == 1


def test_a_container_with_version_1(tmp_path: Path) -> None:
    """The path is the host's; the container sees its own cgroup as the root."""
    here = system(
        tmp_path,
        "5:cpu,cpuacct:/docker/0a1b\n4:memory:/docker/0a1b\n1:name=systemd:/\n",
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIGABYTE // 16}\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert available_memory(here) == GIGABYTE // 16
    assert available_cpus(here) == 1


@pytest.mark.parametrize("limit", ["max 100000", "-1", "", "nonsense"])
def test_no_limit_is_no_limit(tmp_path: Path, limit: str) -> None:
    here = system(tmp_path, "0::/\n", {"sys/fs/cgroup/cpu.max": limit})
    assert available_cpus(here) == len(os.sched_getaffinity(0))


def test_the_server_starts_as_many_workers_as_it_may_use_cpus() -> None:
    one = min(os.sched_getaffinity(0))
    script = (
        f"import os, runpy; os.sched_setaffinity(0, [{one}]); "
        "print(runpy.run_path('gunicorn.conf.py')['workers'])"
    )
    environment = {name: text for name, text in os.environ.items() if name != "WEB_CONCURRENCY"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


def test_the_first_worker_collects_no_garbage_while_it_loads() -> None:
    script = (
        "import gc, os, runpy; from types import SimpleNamespace;"
        "hooks = runpy.run_path('gunicorn.conf.py');"
        "start = lambda age: hooks['post_worker_init'](SimpleNamespace(age=age, ppid=0));"
        "collects = lambda age: start(age) or gc.isenabled();"
        "print(collects(1), collects(2), flush=True); os._exit(0)"  # before they are warmed up
    )
    printed = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True)
    assert printed == "False True\n"
