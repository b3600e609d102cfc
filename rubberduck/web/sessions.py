"""Visitors' sessions: a random number in a signed cookie; there are no accounts."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from flask import Flask, Request, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import generate_csrf
from itsdangerous import (
    BadSignature,
    SignatureExpired,
    Signer,
    TimestampSigner,
    URLSafeTimedSerializer,
)

from rubberduck.core.settings import ROOT, InvalidSettings, Settings
from rubberduck.web.api_keys import current_token

ID_BYTES = 16
KEY_FILE = ROOT / "instance" / "secret_key"
TOKEN = "csrf_token"
KEY_COMMAND = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


class ClockSkewSigner(TimestampSigner):
    """Accept a cookie signed by a clock that is ahead of ours, such as another machine's."""

    def unsign(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().unsign(*args, **kwargs)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed <= datetime.now(UTC):
                raise
            return super().unsign(*args, **(kwargs | {"max_age": None}))


class VisitorSession(SecureCookieSession):
    """A session; `from_old_name` if its cookie had the old name, the same for all sites."""

    from_old_name = False


class SignedCookieSessions(SecureCookieSessionInterface):
    """Signed cookies that over HTTPS never leave this host, nor HTTPS.

    Cookies ignore ports, so each site on a host has a cookie name of its own, made from its key.
    """

    session_class = VisitorSession

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the cookie, or of one with the old, shared name."""
        serializer = self.get_signing_serializer(app)
        if serializer is None or self.get_cookie_name(app) in request.cookies:
            return super().open_session(app, request)
        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            data = serializer.loads(request.cookies.get(_prefix(), ""), max_age=max_age)
        except BadSignature:  # of another site, expired, or not there
            return VisitorSession()
        session = VisitorSession(data)
        session.from_old_name = True
        return session

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Also set the cookie under its new name if the request sent the old one."""
        is_old = isinstance(session, VisitorSession) and session.from_old_name
        return super().should_set_cookie(app, session) or (is_old and session.accessed)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if serializer := super().get_signing_serializer(app):
            serializer.signer = ClockSkewSigner
        return serializer

    def get_cookie_name(self, app: Flask) -> str:
        return f"{_prefix()}-{site_id(app)}"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def _prefix() -> str:
    return "__Host-session" if request.is_secure else "session"


def site_id(app: Flask) -> str:
    """Return 8 hexadecimal digits of a hash of the key: sites on one host need separate cookies."""
    key = str(app.secret_key).encode()
    return hmac.new(key, b"cookie name", hashlib.sha256).hexdigest()[:8]


def visitor() -> str:
    """Return the visitor's id, of the API key or the cookie; on the first request, create one."""
    if token := current_token():
        return token.owner
    if "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(ID_BYTES)
    session.permanent = session.modified = True  # restarts its lifetime
    return str(session["visitor"])


def known_visitor() -> str | None:
    """Return the visitor's id, of the API key or the cookie; None on the first request."""
    if token := current_token():
        return token.owner
    return session.get("visitor")


def delete_token(id: str) -> str:
    """Return the token in the response to a creation; its holder may delete that result."""
    return _delete_signer().get_signature(id).decode()


def may_delete(id: str, token: str) -> bool:
    return _delete_signer().verify_signature(id.encode(), token.encode())


def _delete_signer() -> Signer:
    return Signer(str(current_app.secret_key), salt="delete-token", digest_method=hashlib.sha256)


def form_token() -> str:
    """Return the CSRF token for a form, bound to this visitor's session."""
    if TOKEN not in session:
        session.permanent = True
    return str(generate_csrf())


def without_csrf_token(page: bytes) -> bytes:
    """Return the page with the unsigned token: the signature differs in each response."""
    signed = g.get(TOKEN)  # set if a form of this page needed it
    return page.replace(signed.encode(), session[TOKEN].encode()) if signed else page


def secret_key(settings: Settings, file: Path = KEY_FILE) -> str:
    """Return DUCK_SECRET_KEY, or the key kept in a file: sessions must survive a restart."""
    if settings.secret_key:
        return settings.secret_key
    if settings.bucket or not settings.database_url.startswith("sqlite:"):
        raise InvalidSettings(
            "DUCK_SECRET_KEY is missing: with a bucket or PostgreSQL a site outlives its machine, "
            f"and its key has to. This command makes one; keep it secret: {KEY_COMMAND}"
        )
    try:
        if not file.exists():
            _create_key(file)
        key = file.read_text()
    except OSError as error:
        raise InvalidSettings(
            f"{file}: {error.strerror}. Make it readable and its folder writable, "
            "or set DUCK_SECRET_KEY."
        ) from None
    if not key:
        raise InvalidSettings(f"{file} is empty: delete it, or set DUCK_SECRET_KEY.")
    return key


def _create_key(file: Path) -> None:
    """Create the key file atomically; keep an existing one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=file.parent) as new, suppress(FileExistsError):
        new.write(secrets.token_urlsafe(32))
        new.flush()
        os.link(new.name, file)
