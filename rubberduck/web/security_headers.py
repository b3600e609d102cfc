"""What browsers are told about every answer: whom to trust, what to allow, how to keep it."""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from flask import Response, request

from rubberduck.core.settings import ROOT

STATIC = ROOT / "static"
YEAR = 31_536_000  # seconds
TWO_YEARS = 2 * YEAR
NOBODY = "'none'"
# Search engines may list these; results, pictures and JSON are only for those with the link.
INDEXED = ("home.index", "about.robots", "static")


def compact(css: str) -> str:
    """Without comments and needless blanks: it goes with every page, in its first packets."""
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"/\*.*?\*/|\s+", " ", css, flags=re.DOTALL))


def content_security_policy(style: str, pictures_from: str | None) -> str:
    """Only what is ours: no script but our files, no style but them and the one in the page."""
    images = " ".join(filter(None, ["'self'", "blob:", pictures_from]))
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {_allowed(style)}",
            f"img-src {images}",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def drawing_policy(svg: str) -> str:
    """An SVG opened on its own is a document: its styles may work, and nothing else."""
    styles = " ".join(
        _allowed(each) for each in re.findall(r"<style[^>]*>(.*?)</style>", svg, re.S)
    )
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {styles or NOBODY}",
            "style-src-attr 'unsafe-inline'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _allowed(style: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def add_headers(response: Response, policy: str) -> Response:
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if _is_kept_for_ever(response):
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.endpoint not in INDEXED:
        response.headers["X-Robots-Tag"] = "noindex"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}"
    return response


@cache
def version(file: Path) -> str:
    """Goes into the address of a static file, which so changes with the file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def _is_kept_for_ever(response: Response) -> bool:
    """A static file under the very version that we have; an older server may know only another."""
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return False
    file = STATIC / (request.view_args or {})["filename"]
    return request.args.get("v") == version(file)
