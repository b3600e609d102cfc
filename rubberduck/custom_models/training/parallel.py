"""Independent parts of a training, on all CPUs at once: numpy and onnxruntime let threads run.

concurrent.futures alone neither reports the progress of running tasks nor cancels them; nor does
joblib with threads.
"""

import resource
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from rubberduck.core.resources import available_cpus

MAX_THREADS = 4  # threads: three folds and the heads themselves
# Of the memory limit, for each thread: a training takes 420 to 670 MB, and 60 to 120 MB more for
# each thread beside the first.
MEMORY_PER_THREAD = 400_000_000
POLL_SECONDS = 0.2
T = TypeVar("T")
R = TypeVar("R")
ReportShare = Callable[[float], None]  # of a task that is done, 0 to 1


class Stopped(Exception):
    """Raised in a task when another one failed, or the caller gave up."""


def map_parallel(
    function: Callable[[T], R], items: Sequence[T], report: Callable[[int, int], None]
) -> Iterator[R]:
    """Yield the results in the items' order.

    `report` gets the number of results and of items, in the calling thread.
    """
    with _pool() as pool:
        futures = deque(pool.submit(function, item) for item in items)
        for done in range(1, len(items) + 1):
            yield futures.popleft().result()  # not kept here: a result may take a megabyte
            report(done, len(items))


def run_parallel(tasks: Sequence[Callable[[ReportShare], R]], report: ReportShare) -> list[R]:
    """Return the tasks' results, in order; `report` gets the mean of the shares they report.

    It is called in the calling thread. If it or a task raises, the other tasks end at their next
    report.
    """
    shares, is_stopped = [0.0] * len(tasks), threading.Event()

    def run(number: int) -> R:
        def record(share: float) -> None:
            if is_stopped.is_set():
                raise Stopped
            shares[number] = share

        return tasks[number](record)

    with _pool() as pool:
        futures = [pool.submit(run, number) for number in range(len(tasks))]
        try:
            left: set[Future[R]] = set(futures)
            while left:
                done, left = wait(left, POLL_SECONDS)
                for future in done:
                    future.result()
                report(sum(shares) / len(shares))
        except BaseException:
            is_stopped.set()
            raise
    return [future.result() for future in futures]


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Yield a pool; after an error, tasks that have not begun are cancelled."""
    pool = ThreadPoolExecutor(_threads(), "training")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _threads() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)  # of the jobs' processes
    allowed = MAX_THREADS if limit == resource.RLIM_INFINITY else limit // MEMORY_PER_THREAD
    return max(1, min(available_cpus(), MAX_THREADS, allowed))
