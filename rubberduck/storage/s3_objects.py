"""Look up an operator's own object, in any bucket that the site may read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubberduck.core.errors import StorageFailed
from rubberduck.storage.base import UNAVAILABLE_MESSAGE
from rubberduck.storage.s3_errors import CHECK_CONNECTION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORBIDDEN, NOT_FOUND = 403, 404
REGION_HEADER = "x-amz-bucket-region"


@dataclass(frozen=True)
class FoundObject:
    region: str
    bytes: int


def find_object(client: "S3Client", bucket: str, key: str) -> FoundObject:
    """Return where an object lies, and its size, which takes the permission s3:GetObject only.

    Raises FileNotFoundError; PermissionError if the site may not read it, or not know whether it is
    there; StorageFailed.
    """
    # Imported late: without a bucket the site starts without botocore.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        region = _region_of(client, bucket)
        answer = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == NOT_FOUND:
            raise FileNotFoundError(f"no such object or bucket: {bucket}/{key}") from None
        if status == FORBIDDEN:
            raise PermissionError(f"not readable: {bucket}/{key}") from None
        raise StorageFailed(UNAVAILABLE_MESSAGE, cause=f"S3 answered {status}") from error
    except BotoCoreError as error:
        cause = f"S3 did not answer: {str(error).rstrip('.')}. {CHECK_CONNECTION}"
        raise StorageFailed(UNAVAILABLE_MESSAGE, cause=cause) from error
    return FoundObject(region, answer["ContentLength"])


def _region_of(client: "S3Client", bucket: str) -> str:
    """Return the region of a bucket, which S3 also tells those who may not list it.

    botocore follows a redirect to another region, so `head_object` alone would not notice it.
    """
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        metadata = error.response["ResponseMetadata"]
        region = metadata.get("HTTPHeaders", {}).get(REGION_HEADER)
        if metadata["HTTPStatusCode"] != FORBIDDEN or region is None:
            raise
        return str(region)
    return answer.get("BucketRegion") or client.meta.region_name
