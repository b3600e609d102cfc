"""Pictures in a private S3 bucket; the only file that knows its words."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import StorageCircuitOpen, StorageFailed
from rubberduck.storage.base import JPEG, UNAVAILABLE_MESSAGE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ITS_OWN_FAULT = 500  # and above
# What an operator can do about each refusal of S3's.
REMEDIES = {
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it by NTP",
    "ExpiredToken": "the AWS credentials have expired: renew them",
    "InvalidAccessKeyId": "the AWS credentials are not valid: renew them",
    "SignatureDoesNotMatch": "the AWS secret key is wrong",
    "SlowDown": "more requests a second than S3 takes for now; it passes",
}


class S3Unavailable(StorageFailed):
    """It did not answer, or could not: no refusal of just this request."""


class S3Storage:
    """Pictures in a private S3 bucket, encrypted, reached by short-lived links."""

    where = "a private bucket on Amazon S3"

    def __init__(self, client: "S3Client", bucket: str, link_seconds: int) -> None:
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds
        self.circuit = CircuitBreaker("S3")
        self._checked = threading.Event()

    def put(self, key: str, jpeg: bytes) -> None:
        if not self._checked.is_set():
            self.check()  # S3 would quietly follow us into another region
        with self._request("s3:PutObject"):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=jpeg,
                ContentType=JPEG,
                # A browser must ask each time, so that what is deleted is gone there too.
                CacheControl="private, no-cache",
                ServerSideEncryption="AES256",
            )
            _require_etag(answer)

    def get(self, key: str) -> bytes:
        with self._request("s3:GetObject"):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError("no such picture in the bucket") from None
            _require_etag(answer)
            return answer["Body"].read()

    def delete(self, key: str) -> None:
        with self._request("s3:DeleteObject"):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def url(self, key: str, save_as: str | None = None) -> str | None:
        wanted = {"Bucket": self.bucket, "Key": key}
        if save_as:
            wanted["ResponseContentDisposition"] = f'attachment; filename="{save_as}"'
        with self._s3_failures("s3:GetObject"):  # no credentials, no signature
            return self.client.generate_presigned_url(
                "get_object", Params=wanted, ExpiresIn=self.link_seconds
            )

    @property
    def origin(self) -> str | None:
        # Not from a link: at start there may be no credentials yet to sign one with.
        scheme, host, *_ = urlsplit(self.client.meta.endpoint_url)
        config: Any = self.client.meta.config
        if config.s3["addressing_style"] == "virtual":
            host = f"{self.bucket}.{host}"
        return f"{scheme}://{host}"

    def keys_older_than(self, moment: datetime) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        with self._request("s3:ListBucket"):
            for page in pages:
                for item in page.get("Contents", ()):
                    if item["LastModified"] < moment:
                        yield item["Key"]

    def raise_if_circuit_open(self) -> None:
        if self.circuit.is_open:
            raise _circuit_open()

    def check(self) -> None:
        with self._request("s3:ListBucket"):
            answer = self.client.head_bucket(Bucket=self.bucket)
        there, here = answer.get("BucketRegion"), self.client.meta.region_name
        if there and there != here:
            raise StorageFailed(UNAVAILABLE_MESSAGE, cause=self._wrong_region(there))
        self._checked.set()

    def _wrong_region(self, region: str) -> str:
        return f"bucket {self.bucket} lies in {region}: set DUCK_REGION to it"

    @contextmanager
    def _request(self, permission: str) -> Iterator[None]:
        """Over the network: who fails too often is left alone for a while."""
        if not self.circuit.allow_request():
            raise _circuit_open()
        try:
            with self._s3_failures(permission):
                yield
        except S3Unavailable:
            self.circuit.failed()
            raise
        except (StorageFailed, FileNotFoundError):
            self.circuit.answered()
            raise
        self.circuit.answered()

    @contextmanager
    def _s3_failures(self, permission: str) -> Iterator[None]:
        # Not at the top: without a bucket the site starts without Amazon's library.
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            is_down = error.response["ResponseMetadata"]["HTTPStatusCode"] >= ITS_OWN_FAULT
            kind = S3Unavailable if is_down else StorageFailed
            raise kind(
                UNAVAILABLE_MESSAGE, cause=self._cause(error.response, permission)
            ) from error
        except BotoCoreError as error:
            raise S3Unavailable(UNAVAILABLE_MESSAGE, cause=_no_response(error)) from error
        except ResponseParserError as error:
            raise _unexpected_response() from error

    def _cause(self, response: Any, permission: str) -> str:
        code = response["Error"]["Code"]
        headers = response["ResponseMetadata"].get("HTTPHeaders", {})
        region = headers.get("x-amz-bucket-region")
        if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed") and region:
            return self._wrong_region(region)
        if code in ("404", "NoSuchBucket"):
            return f"bucket {self.bucket} does not exist: create it, or set DUCK_BUCKET"
        if code in ("403", "AccessDenied", "AllAccessDisabled"):
            return (
                f"bucket {self.bucket} is not ours to use: allow {permission} on it, "
                "or set DUCK_BUCKET to a bucket of this account"
            )
        cure = REMEDIES.get(code) or response["Error"].get("Message", "")
        return f"bucket {self.bucket}: {code}: {cure}"


def _require_etag(answer: Mapping[str, Any]) -> None:
    """S3Unavailable, unless it is S3 that said yes: it gives every picture a tag."""
    if not answer.get("ETag"):
        raise _unexpected_response()


def _unexpected_response() -> S3Unavailable:
    """Something between us and Amazon answered: a proxy's page, half an answer."""
    return S3Unavailable(
        UNAVAILABLE_MESSAGE, cause="what answered is not S3: look at DUCK_REGION and the network"
    )


def _circuit_open() -> StorageCircuitOpen:
    return StorageCircuitOpen(
        UNAVAILABLE_MESSAGE, cause="S3 failed too often just now; it is tried again soon"
    )


def _no_response(error: Exception) -> str:
    cause = str(error).rstrip(".")
    return f"S3 did not answer: {cause}. Look at the AWS credentials, DUCK_REGION and the network."
