"""gunicorn's settings; it reads this file by itself."""

import os
from typing import Any

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
preload_app = True
control_socket_disable = True
accesslog = "-"

SILENCE = 20  # seconds


def pre_request(worker: Any, req: Any) -> None:
    """A body that stops coming must not keep its thread; half a header needs a proxy in front."""
    req.unreader.sock.settimeout(SILENCE)
