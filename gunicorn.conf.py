"""gunicorn's settings; it reads this file by itself."""

import os
from typing import Any

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", os.cpu_count() or 2))
worker_class = "gthread"
threads = 8
# For a worker that hangs as a whole; a request's own waits have their own time-outs.
timeout = 60
# When told to stop or to begin anew, workers finish what they have: longer than any answer takes.
graceful_timeout = 25
preload_app = True
control_socket_disable = True
accesslog = "-"
logger_class = "rubberduck.logs.ServerLog"
# Whom to believe is said once, by DUCK_PROXIES, and believed by ProxyFix.
forwarded_allow_ips = ""

SILENCE = 20  # seconds


def pre_request(worker: Any, req: Any) -> None:
    """A body that stops coming must not keep its thread; half a header needs a proxy in front."""
    req.unreader.sock.settimeout(SILENCE)
