"""`GET /metrics` for Prometheus, summed over gunicorn's workers; only with DUCK_METRICS=1.

prometheus-client's multiprocess mode keeps one memory-mapped file per worker in a directory. It
reads PROMETHEUS_MULTIPROC_DIR when it is imported, so it is imported here at first use.
"""

import atexit
import hmac
import ipaddress
import os
import shutil
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from rubberduck.core.settings import Settings
from rubberduck.services.observation import PictureAnswered, SweepFinished
from rubberduck.web.deps import settings

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
FORWARDING_HEADERS = {"forwarded", "via", "x-real-ip"}  # and every X-Forwarded-…
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEGABYTES = tuple(size * 1_000_000 for size in (0.1, 0.25, 0.5, 1, 2.5, 5, 10))
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
BEARER = "Bearer "
blueprint = Blueprint("metrics", __name__)


class Metrics:
    """The Prometheus metrics, and the observer that updates them."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess

        self.registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(self.registry)
        self._pictures = Counter(
            "duck_pictures",
            "Uploads that have a result.",
            ["detector", "verdict", "fallback", "duplicate"],
            registry=None,
        )
        self._bytes = Histogram(
            "duck_picture_bytes", "Size of an upload.", buckets=MEGABYTES, registry=None
        )
        self._steps = Histogram(
            "duck_step_seconds",
            "Duration of a picture's step: decode, detect, store, save.",
            ["step"],
            buckets=SECONDS,
            registry=None,
        )
        self._sweeps = Counter("duck_sweeps", "Finished retention sweeps.", registry=None)
        self._deletions = Counter(
            "duck_swept", "Deletions by retention sweeps.", ["kind"], registry=None
        )
        self._requests = Histogram(
            "duck_request_seconds",
            "Duration of a request.",
            ["method", "endpoint", "status"],
            buckets=SECONDS,
            registry=None,
        )

    def picture_answered(self, event: PictureAnswered) -> None:
        answer = event.result.answer
        self._pictures.labels(
            answer.engine,
            event.verdict,
            answer.fallback_reason or "none",
            str(event.is_duplicate).lower(),
        ).inc()
        self._bytes.observe(event.bytes)
        for step, seconds in event.seconds.items():
            self._steps.labels(step).observe(seconds)

    def sweep_finished(self, event: SweepFinished) -> None:
        self._sweeps.inc()
        counts = {
            "result": event.swept.results,
            "orphan": event.swept.orphans,
            "project-picture": event.swept.project_pictures,
            "video": event.swept.videos,
            "person": event.swept.people,
            "failure": event.failures,
        }
        for kind, count in counts.items():
            self._deletions.labels(kind).inc(count)

    def request_finished(self, response: Response) -> Response:
        if start := g.pop("metrics_start", None):
            # Neither path nor unknown method as labels: clients could create any number of series.
            method = request.method if request.method in METHODS else "other"
            labels = (method, request.endpoint or "none", str(response.status_code))
            self._requests.labels(*labels).observe(time.perf_counter() - start)
        return response


def create_metrics() -> Metrics:
    """Empty the directory of the workers' files, or make one, and create the instruments.

    Called before gunicorn forks (`preload_app`), so that all workers share the directory.
    """
    if given := os.environ.get(DIRECTORY):
        Path(given).mkdir(parents=True, exist_ok=True)
        for file in Path(given).glob("*.db"):
            file.unlink()
    else:
        os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="duck-metrics-")
        atexit.register(_remove, os.environ[DIRECTORY], os.getpid())
    return Metrics()


def _remove(directory: str, owner: int) -> None:
    if os.getpid() == owner:  # only the master process, not the workers forked from it
        shutil.rmtree(directory, ignore_errors=True)


def register_metrics(app: Flask, metrics: Metrics) -> None:
    """Add the route, and measure every request."""
    app.extensions["metrics"] = metrics
    app.before_request(_start)
    app.after_request(metrics.request_finished)
    app.register_blueprint(blueprint)


def _start() -> None:
    g.metrics_start = time.perf_counter()


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Return the counts of all workers in Prometheus' text format; 401 without permission."""
    if not (_is_local() or _has_token(settings())):
        headers = {"WWW-Authenticate": "Bearer", "Content-Type": "text/plain; charset=utf-8"}
        return "Send DUCK_METRICS_TOKEN as a bearer token.\n", HTTPStatus.UNAUTHORIZED, headers
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    registry = current_app.extensions["metrics"].registry
    headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
    return generate_latest(registry), HTTPStatus.OK, headers


def _is_local() -> bool:
    """Return whether the request comes from this machine, without a proxy in between."""
    # ProxyFix replaces the peer's address by that in a header.
    original = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    names = {name.lower() for name, _ in request.headers}
    if any(name in FORWARDING_HEADERS or name.startswith("x-forwarded-") for name in names):
        return False
    try:
        return ipaddress.ip_address(original["REMOTE_ADDR"]).is_loopback
    except (KeyError, ValueError):  # a Unix socket has no address
        return False


def _has_token(settings: Settings) -> bool:
    given = request.headers.get("Authorization", "")
    if not settings.metrics_token or not given.startswith(BEARER):
        return False
    # As bytes: compare_digest refuses text beyond ASCII.
    token = given.removeprefix(BEARER).encode()
    return hmac.compare_digest(token, settings.metrics_token.encode())
