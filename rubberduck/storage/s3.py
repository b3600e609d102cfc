"""Pictures in a private S3 bucket; the only file that knows its field names."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rubberduck.aws.errors import explain
from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import StorageCircuitOpen, StorageFailed
from rubberduck.storage.base import JPEG, UNAVAILABLE_MESSAGE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SERVER_ERROR = 500  # HTTP status, and above
CHECK_CONNECTION = "Check the AWS credentials, DUCK_REGION and the network."


class S3Unavailable(StorageFailed):
    """S3 did not answer or failed; not a refusal of this one request."""


class S3Storage:
    """Pictures in a private, encrypted S3 bucket, reached by short-lived links."""

    where = "a private Amazon S3 bucket"

    def __init__(self, client: "S3Client", bucket: str, link_seconds: int) -> None:
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds
        self.circuit = CircuitBreaker("S3")
        self._checked = threading.Event()

    def put(self, key: str, jpeg: bytes) -> None:
        if not self._checked.is_set():
            self.check()  # botocore would silently follow a redirect to another region
        with self._request("s3:PutObject"):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=jpeg,
                ContentType=JPEG,
                # Browsers revalidate each time, so that a deleted picture disappears there too.
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
        with self._s3_failures("s3:GetObject"):  # signing needs credentials
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
            cause = f"bucket {self.bucket} lies in {there}: set DUCK_REGION to it"
            raise StorageFailed(UNAVAILABLE_MESSAGE, cause=cause)
        self._checked.set()

    @contextmanager
    def _request(self, permission: str) -> Iterator[None]:
        """Make a request over the network, unless the circuit breaker is open."""
        if not self.circuit.allow_request():
            raise _circuit_open()
        try:
            with self._s3_failures(permission):
                yield
        except S3Unavailable:
            self.circuit.record_failure()
            raise
        except (StorageFailed, FileNotFoundError):
            self.circuit.record_success()
            raise
        self.circuit.record_success()

    @contextmanager
    def _s3_failures(self, permission: str) -> Iterator[None]:
        # Imported late: without a bucket the site starts without botocore.
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            is_down = error.response["ResponseMetadata"]["HTTPStatusCode"] >= SERVER_ERROR
            kind = S3Unavailable if is_down else StorageFailed
            remedy = explain(error.response, service="Amazon S3", permission=permission)
            cause = f"bucket {self.bucket}: {remedy}"
            raise kind(UNAVAILABLE_MESSAGE, cause=cause) from error
        except BotoCoreError as error:
            cause = f"S3 did not answer: {str(error).rstrip('.')}. {CHECK_CONNECTION}"
            raise S3Unavailable(UNAVAILABLE_MESSAGE, cause=cause) from error
        except ResponseParserError as error:
            raise _unexpected_response() from error


def _require_etag(answer: Mapping[str, Any]) -> None:
    """Raise S3Unavailable for a success that is not S3's: every object of S3 has an ETag."""
    if not answer.get("ETag"):
        raise _unexpected_response()


def _unexpected_response() -> S3Unavailable:
    """Return the error for an answer of something in between, such as a proxy's page."""
    return S3Unavailable(UNAVAILABLE_MESSAGE, cause=f"the answer is not S3's. {CHECK_CONNECTION}")


def _circuit_open() -> StorageCircuitOpen:
    return StorageCircuitOpen(
        UNAVAILABLE_MESSAGE, cause="S3 failed repeatedly; the circuit breaker is open"
    )
