"""Whose is what? A visitor is a random number in a signed cookie; there are no accounts."""

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import generate_csrf
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from rubberduck.core.settings import ROOT, InvalidSettings, Settings

ID_BYTES = 16
KEY_FILE = ROOT / "instance" / "secret_key"
TOKEN = "csrf_token"
KEY_COMMAND = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


class ClockSkewSigner(TimestampSigner):
    """A cookie from a clock ahead of ours, of another machine say, is still its visitor's."""

    def unsign(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().unsign(*args, **kwargs)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed <= datetime.now(UTC):
                raise
            return super().unsign(*args, **(kwargs | {"max_age": None}))


class SignedCookieSessions(SecureCookieSessionInterface):
    """Signed cookies that over HTTPS never leave this host, nor HTTPS."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if serializer := super().get_signing_serializer(app):
            serializer.signer = ClockSkewSigner
        return serializer

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-session" if request.is_secure else "session"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def visitor() -> str:
    """The number of who asks; a new one, if this is their first request."""
    if "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(ID_BYTES)
    session.permanent = session.modified = True  # its time starts anew
    return str(session["visitor"])


def known_visitor() -> str | None:
    return session.get("visitor")


def form_token() -> str:
    """What a form of ours holds, and no other site's can: it is of this visitor's cookie."""
    if TOKEN not in session:
        session.permanent = True
    return str(generate_csrf())


def without_csrf_token(page: bytes) -> bytes:
    """A page as it is until something changes: a form's token is signed anew each time."""
    signed = g.get(TOKEN)  # there is one if a form of this page needed it
    return page.replace(signed.encode(), session[TOKEN].encode()) if signed else page


def secret_key(settings: Settings, file: Path = KEY_FILE) -> str:
    """The setting's, or one made once for this machine: a restart must not lose whose is what."""
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
    """Whole under its name or not at all, and never over another process's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=file.parent) as new, suppress(FileExistsError):
        new.write(secrets.token_urlsafe(32))
        new.flush()
        os.link(new.name, file)
