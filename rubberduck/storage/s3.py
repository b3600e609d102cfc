"""Storage in a private S3 bucket; the only module that uses S3's field names."""

import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rubberduck.aws.errors import explain
from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.errors import StorageFailed
from rubberduck.storage.base import JPEG, SWEPT_PREFIXES, UNAVAILABLE_MESSAGE, MultipartUpload, Part
from rubberduck.storage.large_files import put_in_parts
from rubberduck.storage.s3_errors import (
    CHECK_CONNECTION,
    S3Unavailable,
    circuit_open,
    require_etag,
    unexpected_response,
)
from rubberduck.storage.s3_links import link_origin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

NOT_FOUND, SERVER_ERROR = 404, 500  # of 5xx, the lowest HTTP status that means so
MAX_DELETIONS = 1000  # keys in one DeleteObjects request
MAX_REQUEST_BYTES = 1_000_000_000  # S3 takes 5 GB in one request; a lost one is sent again whole


class S3Storage:
    """Stores pictures as objects of a private S3 bucket and links to them for a short time.

    With `kms_key`, S3 encrypts them with that key (SSE-KMS); otherwise by the bucket's default.
    Links are valid for `link_seconds`; `origin` is their scheme and host.
    """

    where = "a private Amazon S3 bucket"
    min_part_bytes = 5 * 1024 * 1024  # S3 refuses smaller ones, but the last

    def __init__(
        self, client: "S3Client", bucket: str, link_seconds: int, kms_key: str | None = None
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds
        self.kms_key = kms_key
        self.origin: str | None = link_origin(client, bucket)
        self.circuit = CircuitBreaker("S3")
        self._checked = threading.Event()

    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        if not self._checked.is_set():
            self.check()  # botocore would silently follow a redirect to another region
        with self._request("s3:PutObject"):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                **self._put_options,
            )
            require_etag(answer)

    @property
    def _put_options(self) -> Any:
        # Browsers revalidate each time, so that a deleted picture disappears there too.
        options = {"CacheControl": "private, no-cache"}
        if self.kms_key:
            options |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        return options

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        if not self._checked.is_set():
            self.check()
        if path.stat().st_size > MAX_REQUEST_BYTES:
            put_in_parts(self, key, path, content_type)
            return
        options = self._put_options | {"ContentType": content_type}
        with self._request("s3:PutObject"), path.open("rb") as file:
            require_etag(self.client.put_object(Bucket=self.bucket, Key=key, Body=file, **options))

    def begin_multipart(self, key: str, content_type: str) -> MultipartUpload:
        if not self._checked.is_set():
            self.check()
        options = self._put_options | {"ContentType": content_type}
        with self._request("s3:PutObject"):
            answer = self.client.create_multipart_upload(Bucket=self.bucket, Key=key, **options)
        return MultipartUpload(key, answer["UploadId"])

    def put_part(self, upload: MultipartUpload, number: int, offset: int, file: IO[bytes]) -> Part:
        start = file.tell()
        with self._upload_request(upload) as names:
            answer = self.client.upload_part(**names, PartNumber=number, Body=file)
            require_etag(answer)
        return Part(number, answer["ETag"], file.tell() - start)

    def finish_multipart(self, upload: MultipartUpload, parts: Sequence[Part]) -> None:
        listed: Any = [{"PartNumber": part.number, "ETag": part.tag} for part in parts]
        content: Any = {"MultipartUpload": {"Parts": listed}}
        try:
            with self._upload_request(upload) as names:
                require_etag(self.client.complete_multipart_upload(**names, **content))
        except FileNotFoundError:
            if not self.exists(upload.key):
                raise

    def abort_multipart(self, upload: MultipartUpload) -> None:
        request = self._upload_request(upload, "s3:AbortMultipartUpload")
        with suppress(FileNotFoundError), request as names:
            self.client.abort_multipart_upload(**names)

    @contextmanager
    def _upload_request(
        self, upload: MultipartUpload, permission: str = "s3:PutObject"
    ) -> Iterator[Any]:
        """Yield the parameters that name the upload. Raises FileNotFoundError if it is gone."""
        with self._request(permission):
            try:
                yield {"Bucket": self.bucket, "Key": upload.key, "UploadId": upload.id}
            except self.client.exceptions.NoSuchUpload:
                raise FileNotFoundError("no such upload in the bucket") from None

    def exists(self, key: str) -> bool:
        """Return whether there is such an object. Raises StorageFailed."""
        with self._request("s3:GetObject"):
            try:
                self.client.head_object(Bucket=self.bucket, Key=key)
            except self.client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_FOUND:
                    return False
                raise
        return True

    def fetch(self, key: str, path: Path) -> None:
        self.fetch_from(self.bucket, key, path)

    def fetch_from(self, bucket: str, key: str, path: Path) -> None:
        """Write an object of any bucket into a file, without reading it at once."""
        with self._request("s3:GetObject"):
            try:
                answer = self.client.get_object(Bucket=bucket, Key=key)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError("no such object in the bucket") from None
            with path.open("wb") as file:
                shutil.copyfileobj(answer["Body"], file)

    def local_path(self, key: str) -> Path | None:
        return None

    def list_keys(
        self, bucket: str, prefix: str, token: str | None = None
    ) -> tuple[list[str], str | None]:
        """Return up to 1,000 keys of any bucket below `prefix`, and the token of the next ones."""
        more: Any = {"ContinuationToken": token} if token else {}
        with self._request("s3:ListBucket"):
            answer = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        keys = [item["Key"] for item in answer.get("Contents", ())]
        return keys, answer.get("NextContinuationToken")

    def get_from(self, bucket: str, key: str, most: int) -> bytes:
        """Return an object of any bucket, at most its first `most` + 1 bytes.

        Raises FileNotFoundError, StorageFailed.
        """
        with self._request("s3:GetObject"):
            try:
                answer = self.client.get_object(Bucket=bucket, Key=key)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError("no such object in the bucket") from None
            return answer["Body"].read(most + 1)

    def get(self, key: str) -> bytes:
        with self._request("s3:GetObject"):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError("no such picture in the bucket") from None
            require_etag(answer)
            return answer["Body"].read()

    def delete(self, key: str) -> None:
        if failed := self.delete_all([key]):
            raise failed[key]

    def delete_all(self, keys: Iterable[str]) -> dict[str, StorageFailed]:
        failed: dict[str, StorageFailed] = {}
        remaining = iter(keys)
        while batch := list(islice(remaining, MAX_DELETIONS)):
            try:
                failed |= self._delete_batch([{"Key": key} for key in batch])
            except StorageFailed as error:
                failed |= dict.fromkeys(batch, error)
        return failed

    def _delete_batch(
        self, objects: "list[ObjectIdentifierTypeDef]", permission: str = "s3:DeleteObject"
    ) -> dict[str, StorageFailed]:
        with self._request(permission):
            answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
        failed = {}
        for error in answer.get("Errors", ()):
            cause = self._cause({"Error": error, "ResponseMetadata": {}}, permission)
            failed[error["Key"]] = StorageFailed(UNAVAILABLE_MESSAGE, cause=cause)
        for deleted in answer.get("Deleted", ()):
            # A versioned bucket only hides the object behind a new delete marker.
            if deleted.get("DeleteMarker") and "VersionId" not in deleted:
                failed |= self._delete_versions(deleted["Key"])
        return failed

    def _delete_versions(self, key: str) -> dict[str, StorageFailed]:
        """Delete all versions and delete markers of `key`."""
        pages = self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=key
        )
        failed: dict[str, StorageFailed] = {}
        try:
            with self._request("s3:ListBucketVersions"):
                found = list(pages)
            for page in found:
                items = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                versions: list[ObjectIdentifierTypeDef] = [
                    {"Key": key, "VersionId": item["VersionId"]}
                    for item in items
                    if item["Key"] == key  # the prefix matches longer keys, too
                ]
                if versions:
                    failed |= self._delete_batch(versions, "s3:DeleteObjectVersion")
        except StorageFailed as error:
            failed[key] = error
        return failed

    def url(
        self, key: str, save_as: str | None = None, *, seconds: int | None = None
    ) -> str | None:
        params = {"Bucket": self.bucket, "Key": key}
        if save_as:
            params["ResponseContentDisposition"] = f'attachment; filename="{save_as}"'
        with self._s3_failures("s3:GetObject"):  # signing needs credentials
            return self.client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=seconds or self.link_seconds
            )

    def keys_older_than(
        self, moment: datetime, prefixes: Iterable[str] = SWEPT_PREFIXES
    ) -> Iterator[str]:
        paginator = self.client.get_paginator("list_objects_v2")
        with self._request("s3:ListBucket"):
            for prefix in prefixes:
                for page in paginator.paginate(Bucket=self.bucket, Prefix=prefix):
                    for item in page.get("Contents", ()):
                        if item["LastModified"] < moment:
                            yield item["Key"]

    def object_versions(self) -> Iterator[dict[str, str | int]]:
        """Yield key, version, size and ETag of the current version of every object."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        with self._request("s3:ListBucketVersions"):
            for page in pages:
                for item in page.get("Versions", ()):
                    if item["IsLatest"]:
                        yield {
                            "key": item["Key"],
                            "version": item["VersionId"],
                            "size": item["Size"],
                            "etag": item["ETag"],
                        }

    def raise_if_circuit_open(self) -> None:
        if self.circuit.is_open:
            raise circuit_open()

    def check(self) -> None:
        with self._request("s3:ListBucket"):
            answer = self.client.head_bucket(Bucket=self.bucket)
        actual, expected = answer.get("BucketRegion"), self.client.meta.region_name
        if actual and actual != expected:
            cause = f"bucket {self.bucket} lies in {actual}: set DUCK_REGION to it"
            raise StorageFailed(UNAVAILABLE_MESSAGE, cause=cause)
        self._checked.set()

    def check_versions(self, key: str) -> None:
        """Delete a stored key with all its versions, which needs permissions of its own."""
        if failed := self._delete_versions(key):
            raise failed[key]

    def check_training(self, key: str) -> None:
        """Read of a stored key what Custom Labels reads with the permissions of its caller."""
        object: Any = {"Bucket": self.bucket, "Key": key}
        with self._request("s3:GetBucketAcl"):
            self.client.get_bucket_acl(Bucket=self.bucket)
        with self._request("s3:GetBucketLocation"):
            self.client.get_bucket_location(Bucket=self.bucket)
        with self._request("s3:GetObjectAcl"):
            self.client.get_object_acl(**object)
        with self._request("s3:GetObjectTagging"):
            self.client.get_object_tagging(**object)
        with self._request("s3:GetObjectVersion"):
            self.client.get_object(**object, VersionId="null")["Body"].read()

    @contextmanager
    def _request(self, permission: str) -> Iterator[None]:
        """Report the outcome of a request to the circuit breaker.

        Raises StorageCircuitOpen while it is open, and S3's failures as StorageFailed.
        """
        if not self.circuit.allow_request():
            raise circuit_open()
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
        """Raise botocore's errors as StorageFailed. `permission` is the IAM action needed."""
        # Imported late: without a bucket the site starts without botocore.
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            is_down = error.response["ResponseMetadata"]["HTTPStatusCode"] >= SERVER_ERROR
            kind = S3Unavailable if is_down else StorageFailed
            cause = self._cause(error.response, permission)
            raise kind(UNAVAILABLE_MESSAGE, cause=cause) from error
        except BotoCoreError as error:
            cause = f"S3 did not answer: {str(error).rstrip('.')}. {CHECK_CONNECTION}"
            raise S3Unavailable(UNAVAILABLE_MESSAGE, cause=cause) from error
        except ResponseParserError as error:
            raise unexpected_response() from error

    def _cause(self, response: Any, permission: str) -> str:
        advice = explain(response, service="Amazon S3", permission=permission)
        if permission == "s3:PutObject" and not self.kms_key and "AccessDenied" in advice:
            advice += "; if the bucket's policy demands SSE-KMS, set DUCK_KMS_KEY"
        return f"bucket {self.bucket}: {advice}"
