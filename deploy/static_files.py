"""nginx's headers for static files and its own errors: the same as the site's."""

from functools import partial

from flask import Flask

from rubberduck.web.security_headers import STATIC, add_headers, version

MAP = ".platform/nginx/conf.d/static_files.conf"
HEADERS = ".platform/nginx/conf.d/elasticbeanstalk/static_headers.conf"
OWN_HEADERS = ".platform/nginx/conf.d/elasticbeanstalk/own_headers.conf"
# Stricter than a page's: there are no pages among static files.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HTTPS = "Strict-Transport-Security"
CACHE = "Cache-Control"
# What nginx sets itself, or what differs from file to file.
EXCLUDED_HEADERS = {
    *("Content-Type", "Content-Length", "Content-Disposition", "Date", "ETag", "Last-Modified"),
    *("Accept-Ranges", CACHE, HTTPS),
}


def nginx_files() -> dict[str, bytes]:
    """Return the files that nginx.conf includes, by name."""
    return {
        MAP: _cache_map().encode(),
        HEADERS: _header_lines("$static_cache").encode(),
        OWN_HEADERS: _header_lines("no-store", when="always").encode(),
    }


def _cache_map() -> str:
    """Return a map to Cache-Control: immutable for the current version of a file, else no-cache."""
    lines = [f'    "{address}" "{_headers_of(address)[CACHE]}";' for address in _addresses()]
    plain = _headers_of("/static/duck.svg")[CACHE]
    return "\n".join(
        [
            'map "$uri?v=$arg_v" $static_cache {',
            f'    default "{plain}";',
            *lines,
            "}",
            "",
        ]
    )


def _addresses() -> list[str]:
    files = sorted(file for file in STATIC.rglob("*") if file.is_file())
    return [f"/static/{file.relative_to(STATIC).as_posix()}?v={version(file)}" for file in files]


def _header_lines(cache: str, when: str = "") -> str:
    """Return add_header lines; with `when` "always" for error responses, too."""
    sent = _headers_of("/static/duck.svg")
    copied = {name: f'"{sent[name]}"' for name in sent if name not in EXCLUDED_HEADERS}
    headers = copied | {CACHE: cache, HTTPS: "$hsts"}
    return "".join(f"add_header {name} {value} {when};\n" for name, value in headers.items())


def _headers_of(address: str) -> dict[str, str]:
    app = Flask("static", static_folder=str(STATIC))
    app.after_request(partial(add_headers, policy=POLICY))
    with app.test_client().get(address) as answer:
        return dict(answer.headers)
