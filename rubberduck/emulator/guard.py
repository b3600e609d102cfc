"""Who is answered: programs on this machine, or, with keys, those whose signature is right.

A page in a browser must not reach the emulator, nor a visitor through a proxy: without keys there
is no sign-in, and the emulator answers about projects and stored pictures.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from rubberduck.core.settings import InvalidSettings
from rubberduck.emulator.errors import ServiceError, access_denied

CONTENT_TYPE = "application/x-amz-json-1.1"
PATH = "/aws/rekognition"
# Proxies add these, so that the peer is not the client.
FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FASTLY_CLIENT_IP",
    "HTTP_X_ORIGINAL_FORWARDED_FOR",
)
FORWARDED_PREFIX = "HTTP_X_FORWARDED"
# Browsers add these to what pages send.
BROWSER = ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE")
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_REKOGNITION", "AWS_ENDPOINT_URL")


def check_protocol(environ: Mapping[str, Any]) -> None:
    """Raise ServiceError unless this is a request of an SDK, which no page can send unasked."""
    if any(name in environ for name in BROWSER):
        raise access_denied("Pages in a browser are not answered: send this from a program.")
    if environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower() != CONTENT_TYPE:
        raise ServiceError("UnknownOperationException", f"Send Content-Type: {CONTENT_TYPE}.")
    if not environ.get("HTTP_X_AMZ_TARGET"):
        raise ServiceError("UnknownOperationException", "Send X-Amz-Target with the operation.")
    if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise ServiceError("SerializationException", "Send the body without Content-Encoding.")


def check_peer(environ: Mapping[str, Any]) -> None:
    """Raise ServiceError unless the request comes straight from a program on this machine."""
    if not is_loopback(environ.get("REMOTE_ADDR", "")):
        raise access_denied(
            "The emulator answers programs on the same machine only. For others, set "
            "DUCK_EMULATOR_KEYS, and sign with one of the keys."
        )
    passed_on = next((name for name in environ if is_forwarding_header(name)), None)
    # nginx speaks HTTP/1.0 to what is behind it, and adds no header unless told to; no SDK does.
    if passed_on or environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        raise access_denied("The request came through a proxy. Set DUCK_EMULATOR_KEYS for that.")
    if not is_own_address(environ.get("HTTP_HOST", "")):
        raise access_denied(
            "Address the emulator as localhost or by an IP address: a name could be made to lead "
            "here by others (DNS rebinding)."
        )


def is_loopback(address: str) -> bool:
    """
    >>> [is_loopback(each) for each in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.7", "")]
    [True, True, True, False, False]
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def is_forwarding_header(name: str) -> bool:
    return name in FORWARDED or name.startswith(FORWARDED_PREFIX)


def is_own_address(host: str) -> bool:
    """Return whether a Host header is localhost or an IP address.

    >>> [is_own_address(host) for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:80")]
    [True, True, True]
    >>> [is_own_address(host) for host in ("a.localhost", "duck.example", "127.0.0.1.nip.io", "")]
    [False, False, False, False]
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name.rstrip(".") == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def check_environment(environment: Mapping[str, str] = os.environ) -> None:
    """Raise InvalidSettings if this process itself would ask an emulator for Rekognition.

    Its answers would then be the emulator's, under Amazon's name; a request of this server to
    itself could also wait for a thread that it holds.
    """
    for name in ENDPOINT_VARIABLES:
        url = environment.get(name, "")
        own_port = environment.get("PORT", "8000")
        if _path_of(url).rstrip("/").endswith(PATH) or _leads_here(url, own_port):
            raise InvalidSettings(
                f"{name} leads to an emulator, and DUCK_EMULATOR is 1: the variable is for the "
                "programs that ask this server, not for the server. Start it without."
            )


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _leads_here(url: str, own_port: str) -> bool:
    """
    >>> _leads_here("http://localhost:8000/", "8000"), _leads_here("http://127.0.0.1:5000", "8000")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    name = parts.hostname or ""
    return (name == "localhost" or is_loopback(name)) and str(port) == own_port
