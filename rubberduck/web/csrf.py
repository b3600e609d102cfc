"""Check a request's Host, its origin and, for forms, its CSRF token."""

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.sansio.utils import host_is_trusted

from rubberduck.core.errors import CrossOrigin, FormExpired, UnknownHost
from rubberduck.web.deps import settings
from rubberduck.web.uploads import upload_errors

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SAME_ORIGIN_SITES = ("same-origin", "none")  # "none": typed or bookmarked by the user
# A phone's share menu has no page of ours, so no token; the page that answers it stores nothing.
WITHOUT_TOKEN = ("install.share",)
PORTS = {"http": 80, "https": 443}


def register_request_checks(app: Flask) -> None:
    """Check Host and origin before rate limits: other sites must not use up a visitor's limit."""
    app.before_request(check_host)
    app.before_request(check_origin)


def register_csrf_protection(app: Flask, exempt: Blueprint) -> None:
    """Require our token in forms; after the rate limits, because it reads the form."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # `check` does, with our error
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a token lives as long as its cookie
    app.config["WTF_CSRF_SSL_STRICT"] = False  # requires a Referer, which some browsers never send
    forms = CSRFProtect(app)
    # API clients have no page with a token and need none: browsers mark requests of other sites'
    # pages with their origin and send no SameSite cookie with them.
    forms.exempt(exempt)

    @app.before_request
    def check() -> None:
        """Raise FormExpired unless a form holds the token of this visitor's session."""
        if request.endpoint in WITHOUT_TOKEN and _is_user_initiated():
            return
        try:
            with upload_errors():
                forms.protect(apply_exemptions=True)
        except CSRFError:
            raise FormExpired(
                "The page is too old, or your browser does not accept cookies."
            ) from None


def check_host() -> None:
    """Raise UnknownHost unless the Host header names this site.

    A made-up name would end up in shared links. Without this check a foreign page can also make
    its own name resolve to this machine (DNS rebinding) and is then same-origin with us.
    """
    if request.endpoint == "health.healthz":
        return  # load balancers address a machine by its IP
    if request.endpoint == "metrics.metrics" and is_local_host(request.host):
        return  # Prometheus does so, too
    if hosts := settings().hosts:
        if not host_is_trusted(request.host, hosts):
            raise UnknownHost("This site is not reachable under this host name.")
    elif not settings().proxies and not is_local_host(request.host):
        raise UnknownHost(
            "This site is not set up for this host name. If it is yours, set DUCK_HOSTS to the "
            "names that it may be reached by."
        )


def is_local_host(host: str) -> bool:
    """Return whether a Host header names this machine: localhost, an IP address or its own name.

    >>> [is_local_host(host) for host in ("localhost:8000", "a.localhost", "10.0.0.7", "[::1]:80")]
    [True, True, True, True]
    >>> [is_local_host(host) for host in ("duck.example", "localhost.evil.test", "a b", "[", "")]
    [False, False, False, False, False]
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower():
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def check_origin() -> None:
    """Raise CrossOrigin for a state-changing request sent by another site's page."""
    if request.method not in SAFE_METHODS and not _is_same_origin():
        raise CrossOrigin("Only this site's own pages may send this request.")


def _is_user_initiated() -> bool:
    """Return whether no page sent the request: a share menu, a bookmark, or an old browser."""
    return request.headers.get("Sec-Fetch-Site", "none") == "none"


def _is_same_origin() -> bool:
    """Return False for requests of other sites' pages; all current browsers send a header."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in SAME_ORIGIN_SITES
    origin = request.headers.get("Origin")
    return origin is None or _host_and_port(origin) == _host_and_port(
        f"{request.scheme}://{request.host}"
    )


def _host_and_port(origin: str) -> tuple[str | None, int | None]:
    """Return host and port without the scheme: a proxy may not report HTTPS.

    >>> _host_and_port("https://duck.example") == _host_and_port("http://Duck.example:80")
    True
    >>> _host_and_port("https://duck.example") == _host_and_port("https://duck.example:8443")
    False
    >>> _host_and_port("null"), _host_and_port("https://[")
    ((None, None), (None, None))
    """
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None, None
    return parts.hostname, None if port == PORTS.get(parts.scheme) else port
