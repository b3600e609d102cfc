"""gunicorn's settings; it reads this file by itself."""

import ctypes
import gc
import os
import threading
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", os.cpu_count() or 2))
worker_class = "gthread"
# A thread mostly waits for Amazon, and may meanwhile hold an upload and its pictures: all of them
# together at most half of the memory. How many decode at once is another matter (pictures.py).
A_PICTURE = 40_000_000  # bytes
memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
threads = max(8, min(32, memory // 2 // workers // A_PICTURE))
# Kept connections stay with the worker that took them, often the same one for all, while another
# has nothing to do. Towards visitors, the proxy in front keeps them.
keepalive = 0
# For a worker that hangs as a whole; a request's own waits have their own time-outs.
timeout = 60
# When told to stop or to begin anew, workers finish what they have: longer than answers take while
# all is well outside.
graceful_timeout = 25
preload_app = True
control_socket_disable = True
accesslog = "-"
logger_class = "rubberduck.web.logging.ServerLog"
# Whom to believe is said once, by DUCK_PROXIES, and believed by ProxyFix.
forwarded_allow_ips = ""

SILENCE = 20  # seconds
FIRST_VISITORS = 0.3  # seconds

# Nothing of what is loaded at start is ever given back: looking for garbage takes a sixth of that
# time. This process stays without; the workers, who do the work, do not.
gc.disable()

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # glibc's numbers for them
MEGABYTE, ARENAS = 1024 * 1024, 1


def on_starting(server: Any) -> None:
    """Pictures of all sizes, in eight threads, would leave holes in the memory: it grew by 100 MB
    in 6,000 uploads. Large blocks now go back to the system at once; the workers inherit it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MEGABYTE)
        libc.mallopt(M_ARENA_MAX, ARENAS)


def pre_fork(server: Any, worker: Any) -> None:
    """The first worker shows pages while this process still loads what looks at pictures, once for
    all the others; or it stops here, if that cannot be loaded."""
    if server.WORKERS and preload_app:  # without preload, each worker loads its own
        from rubberduck.core.errors import DuckError

        try:
            server.app.wsgi().extensions["pipeline"].warm_up()
        except DuckError as error:
            raise HaltServer(f"The site does not start. {error}") from None
    gc.freeze()  # a search for garbage would copy the memory that the workers share


def post_worker_init(worker: Any) -> None:
    """What was not loaded before, after the first visitors' pages and before their pictures."""
    gc.enable()
    # Who is told to stop meanwhile waits for it: libraries abort when left half-loaded.
    threading.Timer(FIRST_VISITORS, _warm_up, [worker]).start()


def _warm_up(worker: Any) -> None:
    from rubberduck.core.errors import DuckError

    try:
        worker.wsgi.extensions["pipeline"].warm_up()
    except DuckError as error:
        if worker.cfg.preload_app and worker.cfg.workers > 1:
            return  # the first process meets it too, in `pre_fork`
        worker.log.critical("The site does not start. %s", error)
        # An exit would end this thread only; at this status, gunicorn stops the whole site.
        os._exit(Arbiter.WORKER_BOOT_ERROR)


def pre_request(worker: Any, req: Any) -> None:
    """A body that stops coming must not keep its thread; half a header needs a proxy in front."""
    req.unreader.sock.settimeout(SILENCE)
