"""Conditional reads and writes of S3, for objects that many processes change at once."""

from typing import TYPE_CHECKING, Any

from rubberduck.storage.s3 import NOT_FOUND, S3Storage
from rubberduck.storage.s3_errors import require_etag

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

JSON = "application/json"
PRECONDITION_FAILED, CONFLICT = 412, 409


class ConditionalS3(S3Storage):
    """A bucket whose objects are written only if nobody has written them meanwhile."""

    def get_tagged(self, key: str) -> tuple[bytes, str]:
        """Return an object and its ETag. Raises FileNotFoundError, StorageFailed."""
        with self._request("s3:GetObject"):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError("no such object in the bucket") from None
            require_etag(answer)
            return answer["Body"].read(), answer["ETag"]

    def put_if(self, key: str, data: bytes, tag: str | None) -> str | None:
        """Write JSON if the object has the ETag (None: if there is none); return the new ETag.

        None if it was changed meanwhile. Raises StorageFailed.
        """
        if not self._checked.is_set():
            self.check()
        condition: Any = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        options = self._put_options | {"ContentType": JSON}
        with self._request("s3:PutObject"):
            try:
                answer = self.client.put_object(
                    Bucket=self.bucket, Key=key, Body=data, **condition, **options
                )
            except self.client.exceptions.ClientError as error:
                # 409: another conditional write was under way; 404: it was deleted meanwhile.
                if _status(error) in (PRECONDITION_FAILED, CONFLICT, NOT_FOUND):
                    return None
                raise
            require_etag(answer)
            return answer["ETag"]

    def get_version(
        self, bucket: str, key: str, version: str, *, is_versioned: bool, most: int
    ) -> bytes:
        """Return an object of any bucket, at most its first `most` + 1 bytes.

        `version` is its version id, or its ETag if it is not versioned. Raises
        FileNotFoundError if it was replaced or deleted since, StorageFailed.
        """
        condition: Any = {"VersionId": version} if is_versioned else {"IfMatch": f'"{version}"'}
        action = "s3:GetObjectVersion" if is_versioned else "s3:GetObject"
        with self._request(action):
            try:
                answer = self.client.get_object(Bucket=bucket, Key=key, **condition)
            except self.client.exceptions.ClientError as error:
                if _status(error) in (NOT_FOUND, PRECONDITION_FAILED):
                    raise FileNotFoundError("replaced or deleted since its event") from None
                raise
            require_etag(answer)
            return answer["Body"].read(most + 1)


def _status(error: "ClientError") -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
