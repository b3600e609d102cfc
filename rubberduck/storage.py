"""Where pictures are kept: a folder of this machine, or a private S3 bucket."""

import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from rubberduck.errors import StorageFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

JPEG = "image/jpeg"
A_PICTURES_SIZE = 500_000  # bytes
SORRY = "The place where we keep pictures does not answer."


class Storage(Protocol):
    """JPEGs by key. A missing key is a FileNotFoundError, any other fault StorageFailed."""

    where: str

    def put(self, key: str, jpeg: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def delete(self, key: str) -> None: ...
    def url(self, key: str, save_as: str | None = None) -> str | None:
        """A short-lived link of the storage's own; None where only we can serve the picture.

        With `save_as`, a browser saves the picture under that name instead of showing it.
        """

    @property
    def origin(self) -> str | None:
        """Scheme and host of those links."""

    def check(self) -> None:
        """StorageFailed, with the cause and its cure for the operator, unless it is ready."""


class FolderStorage:
    """Pictures in a folder of this machine."""

    where = "a folder on this server"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, jpeg: bytes) -> None:
        path = self.folder / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Never half a picture under its own name, even if the disk fills up or we are killed.
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                try:
                    file.write(jpeg)
                    file.close()
                    os.replace(file.name, path)
                except OSError:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def get(self, key: str) -> bytes:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def delete(self, key: str) -> None:
        try:
            (self.folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise _disk_failure(self.folder, error) from error

    def url(self, key: str, save_as: str | None = None) -> str | None:
        return None

    @property
    def origin(self) -> str | None:
        return None

    def check(self) -> None:
        key = f"check-{secrets.token_urlsafe(8)}"
        self.put(key, bytes(A_PICTURES_SIZE))
        self.delete(key)


def _disk_failure(folder: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        SORRY,
        cause=f"folder {folder}: {error.strerror}; make it writable, with room on its disk, "
        "for the user who runs the site, or set DUCK_UPLOADS",
    )


class S3Storage:
    """Pictures in a private S3 bucket, encrypted, reached by short-lived links."""

    where = "a private bucket on Amazon S3"

    def __init__(self, client: "S3Client", bucket: str, link_seconds: int) -> None:
        self.client = client
        self.bucket = bucket
        self.link_seconds = link_seconds

        self._checked = threading.Event()

    def put(self, key: str, jpeg: bytes) -> None:
        if not self._checked.is_set():
            self.check()  # S3 would quietly follow us into another region
        with self._s3_failures("s3:PutObject"):
            self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=jpeg,
                ContentType=JPEG,
                # A browser must ask each time, so that what is deleted is gone there too.
                CacheControl="private, no-cache",
                ServerSideEncryption="AES256",
            )

    def get(self, key: str) -> bytes:
        with self._s3_failures("s3:GetObject"):
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        with self._s3_failures("s3:DeleteObject"):
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

    def check(self) -> None:
        with self._s3_failures("s3:ListBucket"):
            answer = self.client.head_bucket(Bucket=self.bucket)
        there, here = answer.get("BucketRegion"), self.client.meta.region_name
        if there and there != here:
            raise StorageFailed(SORRY, cause=self._elsewhere(there))
        self._checked.set()

    def _elsewhere(self, region: str) -> str:
        return f"bucket {self.bucket} lies in {region}: set DUCK_REGION to it"

    @contextmanager
    def _s3_failures(self, permission: str) -> Iterator[None]:
        # Not at the top: without a bucket the site starts without Amazon's library.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise FileNotFoundError("no such picture in the bucket") from None
            raise StorageFailed(SORRY, cause=self._cause(error.response, permission)) from error
        except BotoCoreError as error:
            raise StorageFailed(SORRY, cause=_unanswered(error)) from error

    def _cause(self, response: Any, permission: str) -> str:
        code = response["Error"]["Code"]
        headers = response["ResponseMetadata"].get("HTTPHeaders", {})
        region = headers.get("x-amz-bucket-region")
        if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed") and region:
            return self._elsewhere(region)
        if code in ("404", "NoSuchBucket"):
            return f"bucket {self.bucket} does not exist: create it, or set DUCK_BUCKET"
        if code in ("403", "AccessDenied", "AllAccessDisabled"):
            return (
                f"bucket {self.bucket} is not ours to use: allow {permission} on it, "
                "or set DUCK_BUCKET to a bucket of this account"
            )
        return f"bucket {self.bucket}: {code} {response['Error'].get('Message', '')}"


def _unanswered(error: Exception) -> str:
    cause = str(error).rstrip(".")
    return f"S3 did not answer: {cause}. Look at the AWS credentials, DUCK_REGION and the network."
