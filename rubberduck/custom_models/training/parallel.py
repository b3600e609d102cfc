"""Independent parts of a training, on all CPUs at once: numpy and onnxruntime let threads run.

concurrent.futures alone neither tells how far works are that still run, nor ends them; joblib
neither reports nor ends works in threads.
"""

import resource
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from rubberduck.core.resources import available_cpus

MOST = 4  # threads: three folds and the heads themselves
# Of the memory limit, for each thread: a training takes 420 to 670 MB, and 60 to 120 MB more for
# each thread beside the first.
BYTES_EACH = 400_000_000
POLL_SECONDS = 0.2
T = TypeVar("T")
R = TypeVar("R")
Share = Callable[[float], None]  # 0 to 1 of a work is done


class Stopped(Exception):
    """Raised in a work whose result nobody wants any more."""


def map_parallel(
    work: Callable[[T], R], items: Sequence[T], report: Callable[[int, int], None]
) -> Iterator[R]:
    """Yield the works' results in order; `report` is called by this thread, with done and of."""
    with _pool() as pool:
        futures = [pool.submit(work, item) for item in items]
        for done, future in enumerate(futures, 1):
            yield future.result()
            report(done, len(items))


def run_parallel(works: Sequence[Callable[[Share], R]], report: Share) -> list[R]:
    """Return the works' results; each tells how far it is, and `report` gets the mean of all.

    `report` is called by this thread. If it or a work raises, the others end when they next tell
    how far they are.
    """
    shares, is_stopped = [0.0] * len(works), threading.Event()

    def run(number: int) -> R:
        def tell(share: float) -> None:
            if is_stopped.is_set():
                raise Stopped
            shares[number] = share

        return works[number](tell)

    with _pool() as pool:
        futures = [pool.submit(run, number) for number in range(len(works))]
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
    """Yield a pool; works that have not begun when an error comes are left out."""
    pool = ThreadPoolExecutor(_threads(), "training")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _threads() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)  # of the jobs' processes
    allowed = MOST if limit == resource.RLIM_INFINITY else limit // BYTES_EACH
    return max(1, min(available_cpus(), MOST, allowed))
