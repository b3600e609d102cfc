"""Security and cache headers of every response."""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from flask import Response, g, request

from rubberduck.core.settings import ROOT

STATIC = ROOT / "static"
YEAR = 31_536_000  # seconds
TWO_YEARS = 2 * YEAR
NONE_SOURCE = "'none'"
# For pages whose scripts, others' included, never make HTML of a string.
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types 'none'"
# Search engines may list these endpoints; all other responses are `noindex`.
INDEXED = ("home.index", "about.robots", "static")


def compact(css: str) -> str:
    """Return the CSS without comments and unneeded white space: every page embeds it."""
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"/\*.*?\*/|\s+", " ", css, flags=re.DOTALL))


def content_security_policy(
    style: str, image_origin: str | None, media_origin: str | None = None
) -> str:
    """Return the policy of the pages: own scripts and styles, and the embedded `style`.

    `image_origin` is the source of pictures besides the site itself: a scheme and host, or "data:".
    `media_origin` is that of videos.
    """
    images = " ".join(filter(None, ["'self'", "blob:", image_origin]))
    media = " ".join(filter(None, ["'self'", "blob:", media_origin]))
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {_hash_source(style)}",
            f"img-src {images}",
            f"media-src {media}",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def drawing_policy(svg: str) -> str:
    """Return the policy of an SVG that is opened as a document: only its own styles."""
    styles = " ".join(
        _hash_source(style) for style in re.findall(r"<style[^>]*>(.*?)</style>", svg, re.S)
    )
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {styles or NONE_SOURCE}",
            "style-src-attr 'unsafe-inline'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _hash_source(style: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def require_trusted_types() -> None:
    """Let the browser refuse scripts of this page that make HTML or scripts of a string."""
    g.trusted_types = True


def add_headers(response: Response, policy: str) -> Response:
    """Add the headers to a response; `policy` is its default Content-Security-Policy."""
    if g.get("trusted_types"):
        policy = f"{policy}; {TRUSTED_TYPES}"
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if _is_immutable(response):
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.endpoint not in INDEXED:
        response.headers["X-Robots-Tag"] = "noindex"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}"
    return response


@cache
def version(file: Path) -> str:
    """Return 8 hexadecimal digits of the file's hash, for its URL."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def _is_immutable(response: Response) -> bool:
    """Return whether the URL's version is that of our file; another server may have another one."""
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return False
    file = STATIC / (request.view_args or {})["filename"]
    return request.args.get("v") == version(file)
