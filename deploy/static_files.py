"""What nginx says with static files, and with its own few words: the same as the site would."""

from functools import partial

from flask import Flask

from rubberduck.web.security_headers import STATIC, add_headers, version

MAP = ".platform/nginx/conf.d/static_files.conf"
HEADERS = ".platform/nginx/conf.d/elasticbeanstalk/static_headers.conf"
OWN_HEADERS = ".platform/nginx/conf.d/elasticbeanstalk/own_headers.conf"
# Stricter than a page's: nothing of ours is a page in there.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HTTPS = "Strict-Transport-Security"
CACHE = "Cache-Control"
# What nginx knows itself, or what differs from file to file.
NOT_COPIED = {
    *("Content-Type", "Content-Length", "Content-Disposition", "Date", "ETag", "Last-Modified"),
    *("Accept-Ranges", CACHE, HTTPS),
}


def nginx_files() -> dict[str, bytes]:
    """The files that nginx.conf includes."""
    return {
        MAP: _cache_map().encode(),
        HEADERS: _headers("$kept").encode(),
        OWN_HEADERS: _headers("no-store", when="always").encode(),
    }


def _cache_map() -> str:
    """For ever, but only under the very version that we have; at any other address, never."""
    lines = [f'    "{address}" "{_ask(address)[CACHE]}";' for address in _addresses()]
    plain = _ask("/static/duck.svg")[CACHE]
    return "\n".join(
        [
            'map "$uri?v=$arg_v" $kept {',
            f'    default "{plain}";',
            *lines,
            "}",
            "",
        ]
    )


def _addresses() -> list[str]:
    files = sorted(file for file in STATIC.rglob("*") if file.is_file())
    return [f"/static/{file.relative_to(STATIC).as_posix()}?v={version(file)}" for file in files]


def _headers(cache: str, when: str = "") -> str:
    """`when`: "always" is also with what went wrong."""
    said = _ask("/static/duck.svg")
    copied = {name: f'"{said[name]}"' for name in said if name not in NOT_COPIED}
    told = copied | {CACHE: cache, HTTPS: "$promise_https"}
    return "".join(f"add_header {name} {value} {when};\n" for name, value in told.items())


def _ask(address: str) -> dict[str, str]:
    app = Flask("static", static_folder=str(STATIC))
    app.after_request(partial(add_headers, policy=POLICY))
    with app.test_client().get(address) as answer:
        return dict(answer.headers)
