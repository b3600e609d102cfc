"""Sign-in at an OpenID provider, such as Amazon Cognito: discovery, PKCE, state, nonce.

Authlib does it, by the base classes of its integrations: its integration with Flask keeps the state
in the visitor's session, and answers a wrong state or a replayed code with a 500.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from requests.exceptions import RequestException

from rubberduck.accounts.errors import NoRole, ProviderFailed, SignInRefused
from rubberduck.accounts.operators import Role
from rubberduck.core.settings import Settings

CONNECT_SECONDS, READ_SECONDS = 3.0, 5.0
CLOCK_SKEW_SECONDS = 120
# What an ID token calls a person, the best first. Cognito's own name is often random.
NAMES = ("name", "preferred_username", "email", "cognito:username")
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


class Provider:
    """One OpenID provider. Every method raises ProviderFailed if it does not answer in time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.issuer = (settings.oidc_issuer or "").rstrip("/")
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
        with _errors():
            metadata = self._client.load_server_metadata()
            self._client.fetch_jwk_set()
        if metadata.get("issuer", "").rstrip("/") != self.issuer:
            raise _failed(f"it calls itself {metadata.get('issuer')!r}: is DUCK_OIDC_ISSUER right?")

    def begin(self, redirect_uri: str) -> Attempt:
        """Return the address at the provider, and what has to be known when it sends back."""
        self.check()
        with _errors():
            made = self._client.create_authorization_url(redirect_uri)
        return Attempt(made["url"], made["state"], made["nonce"], made["code_verifier"])

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
        self.check()
        with _errors():
            token = self._client.fetch_access_token(
                redirect_uri, code=sent["code"], code_verifier=attempt.code_verifier
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
        return Person(subject, name, role)


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
