"""Jobs for the tests, registered by `worker.py --also tests.support.example_jobs`."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import InvalidParameter
from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context


@job("count")
def count(context: "Context", to: int, seconds: float = 0.0) -> Any:
    first = context.step("first", count_to, to, seconds)
    second = context.step("second", count_to, to, seconds)
    return first + second


def count_to(task: "Task", to: int, seconds: float) -> int:
    for number in range(to):
        time.sleep(seconds / to)
        task.progress(100 * (number + 1) / to, f"{number + 1} of {to}")
    task.log(f"counted to {to}")
    return to


@job("busy in C")
def busy(context: "Context") -> Any:
    return context.step("busy", loop_in_c)


def loop_in_c(task: "Task") -> str:
    task.progress(1, "busy")
    # Holds the interpreter: no signal handler and no other thread of Python runs meanwhile.
    return hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000).hex()


@job("store a lot", needs_disk=True)
def store_a_lot(context: "Context") -> Any:
    return "stored"


@job("wait", waits=True)
def wait(context: "Context", seconds: float) -> Any:
    context.sleep(seconds)
    return "waited"


@job("wait for a file", waits=True)
def wait_for_file(context: "Context", file: str) -> Any:
    while not Path(file).exists():
        context.sleep(0.2)
    return "waited"


@job("refuse")
def refuse(context: "Context") -> Any:
    return context.step("refuse", raise_in_plain_words)


def raise_in_plain_words(task: "Task") -> None:
    raise InvalidParameter("There are no pictures in {project}.", project="mugs")


@job("break")
def broken(context: "Context") -> Any:
    return context.step("break", divide_by_zero)


def divide_by_zero(task: "Task") -> float:
    return 1 / 0


def not_a_number(task: "Task") -> float:
    return float("inf") - float("inf")


@job("eat memory")
def eat(context: "Context") -> Any:
    return context.step("eat", fill_memory)


def fill_memory(task: "Task") -> int:
    return len(bytearray(3_000_000_000))


@job("short")
def short(context: "Context") -> Any:
    return context.step("short", sleep_briefly)


def sleep_briefly(task: "Task") -> str:
    time.sleep(0.2)
    task.log("slept")
    return task.job_id
