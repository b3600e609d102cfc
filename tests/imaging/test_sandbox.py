"""A child that is told to misbehave: it can reach nothing, and the sandbox goes on."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from rubberduck.imaging import sandbox as sandbox_module
from rubberduck.imaging import sandbox_child
from rubberduck.imaging.sandbox import ChildFailed, Limits, Sandbox, SandboxBusy

GENEROUS = Limits(memory=200_000_000, cpu_seconds=20, seconds=60.0)
BORROWED = 30_000_000  # bytes: less than what the sandbox's malloc maps and unmaps at once
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    pool = Sandbox("tests.support.obedient_child", children=2, max_requests=100)
    yield pool
    pool.close()


def run_in_child(
    sandbox: Sandbox, do: str, with_: Any = None, limits: Limits = GENEROUS
) -> dict[str, Any]:
    with sandbox.child(60) as child:
        return child.call({"do": do, "with": with_}, limits)[0]


def pid_of(sandbox: Sandbox) -> int:
    with sandbox.child(60) as child:
        return child.process.pid


def test_a_request_is_answered_with_a_reply_and_bytes(sandbox: Sandbox) -> None:
    with sandbox.child(60) as child:
        reply, size = child.call({"do": "echo", "with": "quack"}, GENEROUS, b"a duck")
        assert reply == {"did": "quack"}
        assert bytes(child.result(0, size)) == b"a duck"


def test_the_first_child_is_started_once_ahead_of_the_first_request(sandbox: Sandbox) -> None:
    assert [sandbox.begin_start(), sandbox.begin_start()] == [True, False]
    (started,) = sandbox._idle
    assert pid_of(sandbox) == started.process.pid
    assert not sandbox.begin_start()


def test_large_buffers_are_freed_unless_they_are_to_be_kept(sandbox: Sandbox) -> None:
    data = bytes(sandbox_module.KEPT_BYTES + 1)
    for kept_bytes, left in ((sandbox_module.KEPT_BYTES, 0), (2 * len(data), len(data))):
        sandbox.kept_bytes = kept_bytes
        with sandbox.child(60) as child:
            _, size = child.call({"do": "echo", "with": "quack"}, GENEROUS, data)
            assert bytes(child.result(0, size)) == data
        assert os.fstat(child._input).st_size == left


def test_the_environment_holds_no_secret(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_SECRET_KEY", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    names = set(run_in_child(sandbox, "environment")["did"])
    assert names <= {*sandbox_module.ENVIRONMENT, "LD_LIBRARY_PATH", "LC_CTYPE"}


def test_a_child_gets_only_the_descriptors_that_it_needs(sandbox: Sandbox, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert (
            len(run_in_child(sandbox, "descriptors")["did"]) == 3 + 3
        )  # standard ones, its own three


@linux_only
@pytest.mark.parametrize("do", ["read", "write"])
def test_no_file_can_be_opened(sandbox: Sandbox, tmp_path: Path, do: str) -> None:
    (secret := tmp_path / "secret").write_text("canary")
    assert "error" in run_in_child(sandbox, do, str(secret))
    assert secret.read_text() == "canary"


@linux_only
def test_no_socket_can_be_opened(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "error" in run_in_child(sandbox, "connect", list(server.getsockname()))
        assert "error" in run_in_child(sandbox, "unix socket")
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@linux_only
def test_no_program_starts_and_no_process_is_touched(sandbox: Sandbox) -> None:
    if not sandbox.start()["seccomp"]:
        pytest.skip("This kernel has no seccomp filters.")
    assert "error" in run_in_child(sandbox, "run", ["/bin/true"])
    assert "error" in run_in_child(sandbox, "fork")
    assert "error" in run_in_child(sandbox, "kill", os.getpid())


@linux_only
@pytest.mark.parametrize(
    "protection",
    [
        pytest.param("no further descriptors", id="limits alone"),
        pytest.param("Landlock", id="Landlock alone"),
        pytest.param("seccomp", id="seccomp alone"),
    ],
)
def test_each_protection_alone_keeps_a_secret_file_shut(tmp_path: Path, protection: str) -> None:
    """Where a kernel lacks the others."""
    (secret := tmp_path / "secret").write_text("canary")
    code = f"""
import ctypes, resource, sys
from pathlib import Path
from rubberduck.imaging import lockdown
names = {{"Landlock": "_restrict_files", "seccomp": "_filter_system_calls"}}
for name, function in names.items():
    if name != {protection!r}:
        setattr(lockdown, function, lambda libc: False)
if {protection!r} != "no further descriptors":
    lockdown._first_free_descriptor = lambda: 100
holds = lockdown.lock_down()
assert sum(holds[name] for name in names) <= 1
if not holds[{protection!r}]:
    print("missing")
    sys.exit()
try:
    print(Path({str(secret)!r}).read_text())
except OSError as error:
    print("shut")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=sandbox_module.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    if done.stdout == "missing\n":
        pytest.skip(f"This kernel has no {protection}.")
    assert done.stdout == "shut\n"


@pytest.mark.parametrize(
    ("do", "with_", "limits", "reason"),
    [
        ("exit", 3, GENEROUS, "crash"),
        ("exit", 0, GENEROUS, "crash"),
        ("abort", None, GENEROUS, "crash"),
        ("fail", None, GENEROUS, "crash"),
        ("sleep", 600, Limits(200_000_000, 20, 0.3), "time"),
        pytest.param("spin", None, Limits(200_000_000, 1, 60.0), "time", marks=linux_only),
        pytest.param(
            "allocate", 80_000_000, Limits(30_000_000, 20, 60.0), "memory", marks=linux_only
        ),
    ],
)
def test_a_child_that_does_not_answer_is_replaced(
    sandbox: Sandbox, do: str, with_: Any, limits: Limits, reason: str
) -> None:
    before = pid_of(sandbox)
    with pytest.raises(ChildFailed) as failure:
        run_in_child(sandbox, do, with_, limits)
    assert failure.value.reason == reason
    assert run_in_child(sandbox, "echo", "quack") == {"did": "quack"}
    assert pid_of(sandbox) != before


def test_a_mistake_of_ours_comes_with_its_traceback(sandbox: Sandbox) -> None:
    with pytest.raises(ChildFailed) as failure:
        run_in_child(sandbox, "fail")
    assert "KeyError: 'missing'" in failure.value.trace


def test_the_memory_that_a_request_needs_is_allowed_to_it(sandbox: Sandbox) -> None:
    assert "did" in run_in_child(sandbox, "allocate", 80_000_000)


@linux_only
def test_memory_that_a_request_frees_is_kept_or_returned_as_its_limits_say(
    sandbox: Sandbox,
) -> None:
    """The next request is answered when it is returned: glibc keeps it, as the sandbox asks."""

    def grown(limits: Limits) -> int:
        with sandbox.child(60) as child:
            process = psutil.Process(child.process.pid)
            child.call({"do": "echo"}, limits)
            before = process.memory_info().rss
            child.call({"do": "borrow", "with": BORROWED}, limits)
            child.call({"do": "echo"}, limits)
            return process.memory_info().rss - before

    assert grown(replace(GENEROUS, trims=True)) < BORROWED / 2 < grown(GENEROUS)


def test_time_is_allowed_to_each_request_anew(sandbox: Sandbox) -> None:
    """The limit of the processor counts over a process's life."""
    limits = Limits(200_000_000, 1, 60.0)
    for _ in range(2):
        with pytest.raises(ChildFailed):
            run_in_child(sandbox, "spin", None, limits)
    assert run_in_child(sandbox, "echo", "quack", limits) == {"did": "quack"}


def test_a_child_is_replaced_after_so_many_requests() -> None:
    sandbox = Sandbox("tests.support.obedient_child", children=1, max_requests=3)
    pids = []
    for _ in range(7):
        with sandbox.child(60) as child:
            child.call({"do": "echo"}, GENEROUS)
            pids.append(child.process.pid)
    sandbox.close()
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_a_child_that_ended_meanwhile_is_replaced(sandbox: Sandbox) -> None:
    with sandbox.child(60) as child:
        child.call({"do": "echo"}, GENEROUS)
    child.process.kill()
    child.process.wait()
    assert run_in_child(sandbox, "echo", "quack") == {"did": "quack"}


def test_no_more_children_work_than_are_allowed(sandbox: Sandbox) -> None:
    with (
        sandbox.child(60),
        sandbox.child(60),
        pytest.raises(SandboxBusy),
        sandbox.child(0.01),
    ):
        pass
    assert run_in_child(sandbox, "echo", "quack") == {"did": "quack"}


def test_a_second_child_ends_when_it_has_nothing_to_do(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "IDLE_SECONDS", 0.1)
    with sandbox.child(60) as first, sandbox.child(60) as second:
        for child in (first, second):
            child.call({"do": "echo"}, GENEROUS)
    assert second.process.wait(60) == 0
    assert first.process.poll() is None
    assert pid_of(sandbox) == first.process.pid


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_starts_children_of_its_own(sandbox: Sandbox) -> None:
    before = pid_of(sandbox)
    read, write = os.pipe()
    if (forked := os.fork()) == 0:
        try:
            run_in_child(sandbox, "echo")
            os.write(write, str(pid_of(sandbox)).encode())
            sandbox.close()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        others = pipe.read()
    os.waitpid(forked, 0)
    assert int(others) != before
    assert run_in_child(sandbox, "echo", "quack") == {"did": "quack"}
    assert pid_of(sandbox) == before


def test_a_child_ends_with_its_parent() -> None:
    code = (
        "import os; from rubberduck.imaging.sandbox import Sandbox;"
        "pool = Sandbox('tests.support.obedient_child', children=1, max_requests=9); pool.start();"
        "print(pool._idle[0].process.pid, flush=True); os._exit(1)"
    )
    parent = subprocess.run(
        [sys.executable, "-c", code],
        cwd=sandbox_module.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(parent.stdout)).wait(60)  # TimeoutExpired, if it stays


def test_what_a_child_says_is_not_trusted(sandbox: Sandbox) -> None:
    with sandbox.child(60) as child:
        _, size = child.call({"do": "echo"}, GENEROUS, b"duck")
        for start, length in ((0, size + 1), (-1, 4), (10**9, 4)):
            with pytest.raises(ChildFailed):
                child.result(start, length)


@linux_only
def test_a_child_cannot_fill_the_memory_with_its_result(sandbox: Sandbox) -> None:
    with sandbox.child(60) as child:
        child.call({"do": "echo"}, GENEROUS)
        limits = {
            which: psutil.Process(child.process.pid).rlimit(which)[1]
            for which in (psutil.RLIMIT_FSIZE, psutil.RLIMIT_AS)
        }
    assert limits[psutil.RLIMIT_FSIZE] == sandbox_module.MAX_FILE
    assert limits[psutil.RLIMIT_AS] < sandbox_child.MAX_MEMORY + 200_000_000
