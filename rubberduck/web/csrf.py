"""Who may change something here, and by which name we are called."""

from urllib.parse import urlsplit

from flask import Blueprint, Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.sansio.utils import host_is_trusted

from rubberduck.core.errors import CrossOrigin, FormExpired, UnknownHost
from rubberduck.web.deps import settings
from rubberduck.web.uploads import upload_errors

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SAME_ORIGIN_SITES = ("same-origin", "none")  # "none": no page made the browser ask, its user did
PORTS = {"http": 80, "https": 443}


def register_request_checks(app: Flask) -> None:
    """Before anything is counted: another site must not use up its visitors' limits here."""
    app.before_request(check_host)
    app.before_request(check_origin)


def register_csrf_protection(app: Flask, exempt: Blueprint) -> None:
    """Forms without our token; after the limits, since it reads the form."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # `check` does, in our words
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a token lives as long as its cookie
    app.config["WTF_CSRF_SSL_STRICT"] = False  # wants a Referer, which some browsers never send
    forms = CSRFProtect(app)
    # Programs have no page with a token. Their requests need none: a browser says of those that
    # pages of other sites make where they come from, and sends no cookie of ours with them.
    forms.exempt(exempt)

    @app.before_request
    def check() -> None:
        """FormExpired, when a form does not hold the token of this visitor's own pages."""
        try:
            with upload_errors():
                forms.protect(apply_exemptions=True)
        except CSRFError:
            raise FormExpired(
                "The page is too old, or your browser does not accept cookies."
            ) from None


def check_host() -> None:
    """UnknownHost: a made-up name would end up in the links that people share."""
    hosts = settings().hosts
    # A load balancer asks after our health by address.
    if hosts and request.endpoint != "health.healthz" and not host_is_trusted(request.host, hosts):
        raise UnknownHost("This site is not reachable under this host name.")


def check_origin() -> None:
    """CrossOrigin, when another site's page makes a browser change something here."""
    if request.method not in SAFE_METHODS and not _is_same_origin():
        raise CrossOrigin("Only this site's own pages may send this request.")


def _is_same_origin() -> bool:
    """Browsers tell; what tells nothing is no browser of the last years, and has no page."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in SAME_ORIGIN_SITES
    origin = request.headers.get("Origin")
    return origin is None or _place(origin) == _place(f"{request.scheme}://{request.host}")


def _place(origin: str) -> tuple[str | None, int | None]:
    """Host and port, whatever the scheme: a proxy may not tell us that it is HTTPS.

    >>> _place("https://duck.example") == _place("http://Duck.example:80")
    True
    >>> _place("https://duck.example") == _place("https://duck.example:8443")
    False
    >>> _place("null"), _place("https://[")
    ((None, None), (None, None))
    """
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None, None
    return parts.hostname, None if port == PORTS.get(parts.scheme) else port
