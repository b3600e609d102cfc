"""gunicorn's settings; gunicorn loads this file from the working directory."""

import contextlib
import ctypes
import gc
import os
import signal
import threading
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from rubberduck.core.resources import available_cpus, available_memory

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", available_cpus()))
worker_class = "gthread"
# A thread mostly waits for AWS while it holds an upload and its pictures in memory: all threads
# together may use half of the memory. imaging/decode.py limits how many decode at once.
REQUEST_BYTES = 40_000_000
threads = max(8, min(32, available_memory() // 2 // workers // REQUEST_BYTES))
# Kept-alive connections stay with the worker that accepted them, which leaves other workers idle.
# The proxy in front keeps visitors' connections alive.
keepalive = 0
# Seconds until a hung worker is killed; requests have their own, shorter time-outs.
timeout = 60
# Seconds for requests in progress when stopping or reloading; longer than any request takes while
# AWS and the database are well.
graceful_timeout = 25
preload_app = True
control_socket_disable = True
accesslog = "-"
logger_class = "rubberduck.web.logging.ServerLog"
# Trusted proxies are set by DUCK_PROXIES only, and handled by ProxyFix.
forwarded_allow_ips = ""

BODY_READ_TIMEOUT = 20  # seconds
WARM_UP_DELAY = 0.3  # seconds

# What is loaded at start never becomes garbage, and collection takes a sixth of the start's time:
# off in the master process, on again in the workers but the first, which is replaced in a moment.
gc.disable()

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # from glibc's malloc.h
MEGABYTE, ARENAS = 1024 * 1024, 1


def on_starting(server: Any) -> None:
    """Make malloc return large freed blocks to the system at once, in all workers.

    Otherwise, 6,000 uploads of mixed sizes in eight threads grew the heap by 100 MB.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MEGABYTE)
        libc.mallopt(M_ARENA_MAX, ARENAS)


def pre_fork(server: Any, worker: Any) -> None:
    """Load the detector in the master process, once for all workers but the first.

    The first serves pages meanwhile, and is replaced when all is loaded: what it would load for
    itself, others share with the master process. Raises HaltServer if the detector cannot be
    loaded.
    """
    if server.WORKERS and preload_app:  # without preload, each worker loads its own
        from rubberduck.core.errors import DuckError
        from rubberduck.web.lazy_views import load_views

        try:
            server.app.wsgi().extensions["pipeline"].warm_up()
            load_views(server.app.wsgi())
        except DuckError as error:
            raise HaltServer(f"The site does not start. {error}") from None
        if server.num_workers > server.cfg.workers:
            worker.replaced_pid = next((w.pid for w in server.WORKERS.values() if _is_first(w)), 0)
    gc.freeze()  # a collection would copy the pages that the workers share


def post_worker_init(worker: Any) -> None:
    """Load what is not loaded yet, a moment after the worker starts to serve pages.

    A first worker asks for its replacement instead, which ends it.
    """
    if not _is_first(worker):
        gc.enable()
    # A timer's thread is joined at exit, so SIGTERM waits for the import to finish.
    work = _ask_for_replacement if _is_first(worker) else _warm_up
    threading.Timer(WARM_UP_DELAY, work, [worker]).start()
    if pid := getattr(worker, "replaced_pid", 0):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _is_first(worker: Any) -> bool:
    return bool(preload_app and worker.age == 1)


def _ask_for_replacement(worker: Any) -> None:
    if os.getppid() == worker.ppid:  # the master process has not ended
        os.kill(worker.ppid, signal.SIGTTIN)  # gunicorn's signal for one more worker


def _warm_up(worker: Any) -> None:
    from rubberduck.core.errors import DuckError
    from rubberduck.web.lazy_views import load_views

    try:
        worker.wsgi.extensions["pipeline"].warm_up()
        load_views(worker.wsgi)
    except DuckError as error:
        if worker.cfg.preload_app and worker.cfg.workers > 1:
            return  # the master process fails in `pre_fork`, too
        worker.log.critical("The site does not start. %s", error)
        # sys.exit would end this thread only; this status makes gunicorn stop altogether.
        os._exit(Arbiter.WORKER_BOOT_ERROR)
    _start_decoder(worker)


def _start_decoder(worker: Any) -> None:
    """Start the child process that decodes pictures; each worker has its own."""
    from rubberduck.core.errors import DuckError
    from rubberduck.imaging.decode import start_decoder

    try:
        start_decoder()
    except DuckError as error:  # the next picture tries again
        worker.log.error("decoder did not start cause=%s", error.operator_message)


def worker_exit(server: Any, worker: Any) -> None:
    """Close the database, so that no write-ahead log stays behind."""
    if (pipeline := _pipeline(worker)) is not None:
        pipeline.close()


def on_exit(server: Any) -> None:
    """Close the database if killed workers could not."""
    if (pipeline := _pipeline(server)) is not None:
        pipeline.close()


def _pipeline(process: Any) -> Any:
    site = process.app.callable if process.app else None  # None if the site did not start
    return site and site.extensions["pipeline"]


def pre_request(worker: Any, req: Any) -> None:
    """Time out a body that stalls; a slow header needs a proxy in front."""
    req.unreader.sock.settimeout(BODY_READ_TIMEOUT)


def child_exit(server: Any, worker: Any) -> None:
    """Mark the worker as dead for the metrics; its counters remain."""
    if _is_first(worker) and server.num_workers > server.cfg.workers:
        server.num_workers -= 1  # of its replacement
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
