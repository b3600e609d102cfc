"""Mozilla's HTTP Observatory, as far as one answer over HTTPS goes: its published score table.

After the grader that MDN runs (npm: @mdn/mdn-http-observatory 1.4.8, src/grader/charts.js and
src/analyzer/tests). Left out is what belongs to whoever ends the TLS: redirection, preloading.
"""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie

from werkzeug.datastructures import Headers

BEST = 100
EXTRA_FROM = 90  # with less, no extra credit counts
SIX_MONTHS = 15_768_000  # seconds
BROAD = {"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}
INLINE = {"'unsafe-inline'", "data:"}
PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
OWN = re.compile(r"(?!//)(?!https?://)")


def marks(headers: Headers, body: str) -> dict[str, int]:
    """What each of its tests gives or takes."""
    policy = csp(headers)
    return {
        "content-security-policy": _policy(policy),
        "cookies": _cookies(headers),
        "cross-origin-resource-sharing": _sharing(headers),
        "referrer-policy": 5 if headers.get("Referrer-Policy") in PRIVATE else -5,
        "strict-transport-security": _transport(headers),
        "subresource-integrity": _scripts(body) if is_html(headers) else 0,
        "x-content-type-options": 0 if headers.get("X-Content-Type-Options") == "nosniff" else -5,
        "x-frame-options": 5 if "frame-ancestors" in policy else -20,
        "cross-origin-resource-policy": _resource(headers),
    }


def score(headers: Headers, body: str) -> int:
    found = marks(headers, body).values()
    without_extra = BEST + sum(mark for mark in found if mark < 0)
    return BEST + sum(found) if without_extra >= EXTRA_FROM else without_extra


def is_html(headers: Headers) -> bool:
    return headers.get("Content-Type", "").startswith("text/html")


def csp(headers: Headers) -> dict[str, set[str]]:
    """Its directives; nothing at all when one is there twice, which makes it invalid."""
    parts = [part.split() for part in headers.get("Content-Security-Policy", "").split(";") if part]
    policy = {name.lower(): {each.lower() for each in values} for name, *values in parts}
    return policy if len(policy) == len(parts) else {}


def _policy(policy: Mapping[str, set[str]]) -> int:
    default = policy.get("default-src", {"*"})
    script, style, objects = (
        policy.get(f"{kind}-src", default) for kind in ("script", "style", "object")
    )
    active = set().union(*(each for name, each in policy.items() if name not in PASSIVE))
    passive = set().union(*(policy.get(name, default) for name in PASSIVE))
    faults = [
        (-25, not policy),
        (-20, script & (BROAD | INLINE) or objects & BROAD),
        (-20, any(source.startswith(("http:", "ftp:")) for source in active)),
        (-10, "'unsafe-eval'" in script | style),
        (-10, any(source.startswith(("http:", "ftp:")) for source in passive)),
        (0, style & (BROAD | INLINE)),
    ]
    fault = next((mark for mark, is_so in faults if is_so), None)
    if fault is not None:
        return fault
    return 10 if default == {"'none'"} else 5


PASSIVE = ("img-src", "media-src")


def _cookies(headers: Headers) -> int:
    cookies = [
        cookie for line in headers.getlist("Set-Cookie") for cookie in SimpleCookie(line).values()
    ]
    found = [_cookie(each["secure"], each["httponly"], each["samesite"]) for each in cookies]
    return min(found, default=0)


def _cookie(secure: str, http_only: str, same_site: str) -> int:
    """Of a session's cookie; all of ours are."""
    if not secure:
        return -40
    if not http_only:
        return -30
    return {"Lax": 5, "Strict": 5, "None": 5, "": 0}.get(same_site, -20)


def _sharing(headers: Headers) -> int:
    shared = headers.get("Access-Control-Allow-Origin")
    return -50 if shared and headers.get("Access-Control-Allow-Credentials") == "true" else 0


def _transport(headers: Headers) -> int:
    promised = re.search(r"max-age=(\d+)", headers.get("Strict-Transport-Security", ""))
    if not promised:
        return -20
    return 0 if int(promised[1]) >= SIX_MONTHS else -10


def _resource(headers: Headers) -> int:
    scores = {"same-origin": 10, "same-site": 10, "cross-origin": 0, None: 0}
    return scores.get(headers.get("Cross-Origin-Resource-Policy"), -5)


class _Scripts(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "script" and dict(attributes).get("src"):
            self.found.append(dict(attributes))


def _scripts(page: str) -> int:
    """Of others' scripts we need to know no more than that there are none."""
    scripts = _Scripts(page).found
    if not all(OWN.match(script["src"] or "") for script in scripts):
        return -50
    return 5 if any(script.get("integrity") for script in scripts) else 0
