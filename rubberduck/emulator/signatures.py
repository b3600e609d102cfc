"""Signatures of requests (Signature Version 4), recomputed by botocore's own signer."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from rubberduck.emulator.errors import ServiceError

MAX_SKEW = timedelta(minutes=5)
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
SERVICE = "rekognition"
# Without these in the signature, a signed request could be sent to another host or operation.
SIGNED = {"host", "x-amz-date", "x-amz-target"}
AUTHORIZATION_RE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[\w-]+)"
    r"/(?P<service>\w+)/aws4_request, ?SignedHeaders=(?P<names>[\w;-]+),"
    r" ?Signature=(?P<signature>[0-9a-f]{64})"
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True)
class SignedRequest:
    """What a signature covers. Names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class _Signer(SigV4Auth):
    """Signs all headers that the client signed; botocore itself leaves out some."""

    def headers_to_sign(self, request: Any) -> Any:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers


def check_signature(
    request: SignedRequest, keys: Mapping[str, str], now: datetime | None = None
) -> str:
    """Return the id of the key that signed the request. Raises ServiceError.

    `keys` are secrets by their ids.
    """
    if "authorization" not in request.headers:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = AUTHORIZATION_RE.fullmatch(request.headers["authorization"].strip())
    names = found["names"].split(";") if found else []
    if found is None or not set(names) >= SIGNED or not set(names) <= set(request.headers):
        raise ServiceError(
            "IncompleteSignatureException",
            "Sign with AWS4-HMAC-SHA256, and sign Host, X-Amz-Date and X-Amz-Target.",
        )
    secret = keys.get(found["id"])
    if secret is None:
        raise ServiceError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    date = request.headers["x-amz-date"]
    _check_date(date, found["day"], now or datetime.now(UTC))
    body_hash = sha256(request.body).hexdigest()
    is_other_body = request.headers.get("x-amz-content-sha256", body_hash) != body_hash
    signature = _signature(request, names, found, secret, date)
    if (
        is_other_body
        or found["service"] != SERVICE
        or not hmac.compare_digest(signature, found["signature"])
    ):
        raise ServiceError("InvalidSignatureException", MISMATCH)
    return found["id"]


def _check_date(date: str, day: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(date, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ServiceError("IncompleteSignatureException", "X-Amz-Date is not a date.") from None
    if not date.startswith(day) or abs(now - signed_at) > MAX_SKEW:
        raise ServiceError(
            "InvalidSignatureException",
            f"Signature expired: {date} is not within {MAX_SKEW.seconds // 60} minutes of "
            f"{now.strftime(TIME_FORMAT)}",
        )


def _signature(
    request: SignedRequest, names: list[str], found: re.Match[str], secret: str, date: str
) -> str:
    signed = AWSRequest(
        method="POST",
        url=f"http://{request.headers['host']}{request.path}",
        headers={name: request.headers[name] for name in names},
        data=request.body,
    )
    signed.context["timestamp"] = date
    signer = _Signer(Credentials(found["id"], secret), found["service"], found["region"])
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(text, signed))
