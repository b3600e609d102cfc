"""Sign-in at an OpenID provider, such as Amazon Cognito: discovery, PKCE, state, nonce.

Authlib does it, by the base classes of its integrations: its integration with Flask keeps the state
in the visitor's session, and answers a wrong state or a replayed code with a 500.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from requests.exceptions import RequestException

from rubberduck.accounts.errors import NoRole, ProviderFailed, SignInRefused
from rubberduck.accounts.operators import Role
from rubberduck.core.settings import Settings

Result = TypeVar("Result")

CONNECT_SECONDS, READ_SECONDS = 3.0, 5.0
# The time-out of reading begins anew with each byte, so that a slow provider could take for ever.
ANSWER_SECONDS = 10.0
# Threads of a process that may wait for the provider, fewer than it has: the others answer those
# who do not sign in. One more waits a moment, because most answers take far less than a second.
MAX_WAITING, TURN_SECONDS = 4, 1.0
CLOCK_SKEW_SECONDS = 120
# What an ID token calls a person, the best first. Cognito's own name is often random.
NAMES = ("name", "preferred_username", "email", "cognito:username")
COGNITO_HOST_RE = re.compile(r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
# OAuth's errors that are this site's or the provider's fault, not of who signs in.
OUR_FAULTS = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "server_error")


@dataclass(frozen=True)
class Attempt:
    """A sign-in that has begun; kept by the browser in a signed cookie until it comes back."""

    url: str  # at the provider
    state: str
    nonce: str
    code_verifier: str


@dataclass(frozen=True)
class Person:
    """Who signed in. `subject` is the issuer and the person's id there, which never changes."""

    subject: str
    name: str
    role: Role
    id_token: str = field(default="", repr=False)  # names the sign-in when it is ended


class Provider:
    """One OpenID provider. Every method raises ProviderFailed if it does not answer in time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.issuer = (settings.oidc_issuer or "").rstrip("/")
        self._turns = BoundedSemaphore(MAX_WAITING)
        self._pool = ThreadPoolExecutor(MAX_WAITING, thread_name_prefix="oidc")
        self._client = _Client(
            None,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret,
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.oidc_scope,
                "code_challenge_method": "S256",
                "default_timeout": (CONNECT_SECONDS, READ_SECONDS),
            },
        )

    @property
    def host(self) -> str:
        return urlsplit(self.issuer).netloc

    def check(self) -> None:
        """Raise ProviderFailed unless the provider answers and is the one of the settings."""
        self._in_time(self._check)

    def begin(self, redirect_uri: str) -> Attempt:
        """Return the address at the provider, and what has to be known when it sends back."""
        return self._in_time(self._begin, redirect_uri)

    def finish(self, attempt: Attempt, sent: Mapping[str, str], redirect_uri: str) -> Person:
        """Exchange the code that the provider `sent` with the browser, and return who it is.

        Raises SignInRefused for a wrong state, a replayed code or a token that does not verify, and
        NoRole for who is neither operator nor labeller.
        """
        if sent.get("state") != attempt.state:
            raise SignInRefused("This sign-in was not begun in this browser, or another one was.")
        if "error" in sent:
            raise SignInRefused(
                "The sign-in service refused it: {answer}.",
                answer=sent.get("error_description") or sent["error"],
            )
        if not sent.get("code"):
            raise SignInRefused("The address that the sign-in service sent you to is incomplete.")
        return self._in_time(self._finish, attempt, sent["code"], redirect_uri)

    def sign_out_url(self, id_token: str, back: str) -> str | None:
        """Return where a browser ends its sign-in at the provider, which sends it `back` then.

        None if the provider offers no such address. As OpenID Connect RP-Initiated Logout 1.0 has
        it; Cognito names its address in the discovery, and takes parameters of its own there.
        """
        return self._in_time(self._sign_out_url, id_token, back)

    def _in_time(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what the function does, or raise ProviderFailed after ANSWER_SECONDS."""
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise _failed(f"{MAX_WAITING} requests wait for it already")
        future = self._pool.submit(function, *arguments)
        future.add_done_callback(lambda _: self._turns.release())
        try:
            return future.result(ANSWER_SECONDS)
        except FutureTimeout:
            raise _failed(f"no whole answer in {ANSWER_SECONDS:g} s") from None

    def _check(self) -> None:
        with _errors():
            metadata = self._client.load_server_metadata()
            self._client.fetch_jwk_set()
        if metadata.get("issuer", "").rstrip("/") != self.issuer:
            raise _failed(f"it calls itself {metadata.get('issuer')!r}: is DUCK_OIDC_ISSUER right?")

    def _begin(self, redirect_uri: str) -> Attempt:
        self._check()
        with _errors():
            made = self._client.create_authorization_url(redirect_uri)
        return Attempt(made["url"], made["state"], made["nonce"], made["code_verifier"])

    def _finish(self, attempt: Attempt, code: str, redirect_uri: str) -> Person:
        self._check()
        with _errors():
            token = self._client.fetch_access_token(
                redirect_uri, code=code, code_verifier=attempt.code_verifier
            )
            # Without these options Authlib does not compare the audience.
            expected = {
                "iss": {"essential": True, "value": self._client.server_metadata["issuer"]},
                "aud": {"essential": True, "value": self.settings.oidc_client_id},
            }
            claims = self._client.parse_id_token(
                token, attempt.nonce, expected, leeway=CLOCK_SKEW_SECONDS
            )
            if claims is None:
                raise _failed("it sent no ID token: does DUCK_OIDC_SCOPE begin with openid?")
            return self._person(claims, token)

    def _sign_out_url(self, id_token: str, back: str) -> str | None:
        with _errors():
            metadata = self._client.load_server_metadata()
            address: str | None = metadata.get("end_session_endpoint")
            parameters = {"client_id": self.settings.oidc_client_id or ""}
            if COGNITO_HOST_RE.fullmatch(self.host):
                # Old discovery documents of Cognito lack it (before February 2024).
                address = address or metadata["authorization_endpoint"].replace(
                    "/oauth2/authorize", "/logout"
                )
                parameters["logout_uri"] = back
            else:
                parameters |= {"id_token_hint": id_token, "post_logout_redirect_uri": back}
        if not address or urlsplit(address).scheme not in ("https", "http"):
            return None
        return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"

    def _person(self, claims: Mapping[str, Any], token: Mapping[str, Any]) -> Person:
        role = role_of(claims, self.settings)
        if role is None and self._client.server_metadata.get("userinfo_endpoint"):
            # Some providers keep groups out of the ID token.
            more = self._client.userinfo(token=token)
            if more.get("sub") == claims["sub"]:
                role = role_of({**claims, **more}, self.settings)
        name = next((str(claims[key]) for key in NAMES if claims.get(key)), str(claims["sub"]))
        subject = f"{self.issuer} {claims['sub']}"
        if role is None:
            raise NoRole(name, subject)
        return Person(subject, name, role, str(token["id_token"]))


def role_of(claims: Mapping[str, Any], settings: Settings) -> Role | None:
    """Return the role that the claims give, or None. An unverified e-mail address gives none."""
    value = claims.get(settings.oidc_claim)
    if settings.oidc_claim == "email" and claims.get("email_verified") not in (True, "true"):
        return None
    values = {str(item) for item in value} if isinstance(value, list) else {str(value)}
    if values & set(settings.oidc_operators):
        return "operator"
    return "labeller" if values & set(settings.oidc_labellers) else None


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    client_cls = OAuth2Session

    def load_server_metadata(self) -> dict[str, Any]:
        """Fetch the provider's description once."""
        metadata: dict[str, Any] = super().load_server_metadata()
        # Some providers list "none", with which anybody could make a token.
        algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [
            name for name in algorithms if name != "none"
        ]
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self.client_secret and "client_secret_basic" not in methods:
            metadata["token_endpoint_auth_method"] = "client_secret_post"
        return metadata


@contextmanager
def _errors() -> Iterator[None]:
    """Turn the errors of Authlib, joserfc and requests into the site's."""
    try:
        yield
    except OAuthError as error:
        if error.error in OUR_FAULTS:
            raise _failed(f"{error.error}: {error.description}") from error
        raise SignInRefused(
            "The sign-in service does not accept the code: it was used before, or it is too old."
        ) from error
    except JoseError as error:
        raise SignInRefused(
            "What the sign-in service sent cannot be verified.",
            cause=f"{type(error).__name__}: {error}",
        ) from error
    except (RequestException, ValueError, RuntimeError, KeyError) as error:
        raise _failed(f"{type(error).__name__}: {error}") from error


def _failed(cause: str) -> ProviderFailed:
    return ProviderFailed("The sign-in service does not answer as it should.", cause=cause)
