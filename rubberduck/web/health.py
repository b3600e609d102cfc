"""Is the site alive, is it ready? For load balancers, operators and the pages' footer."""

from http import HTTPStatus

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import readiness

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Alive: for the load balancer, which must not fail us for Amazon's faults."""
    return "ok", {"Content-Type": "text/plain"}


@health.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Ready for visitors: results can be written and pictures stored."""
    parts = readiness().parts()
    ready = all(parts.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    words = {name: "ok" if fine else "not ready" for name, fine in parts.items()}
    return jsonify(ready=ready, **words), status
