"""Liveness and readiness, for load balancers, operators and the pages' footer."""

from http import HTTPStatus

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import readiness

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Return 200 while the process serves requests, even if AWS does not answer."""
    return "ok", {"Content-Type": "text/plain"}


@health.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Return 200 when results can be saved, pictures stored, and the detector is loaded."""
    parts = readiness().parts()
    ready = all(parts.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    words = {name: "ok" if fine else "not ready" for name, fine in parts.items()}
    return jsonify(ready=ready, **words), status
