"""Where the links of a bucket lead."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def link_origin(client: "S3Client", bucket: str) -> str:
    """Return scheme and host of the bucket's links, from an unsigned link: it needs no credentials.

    botocore chooses the host, by region, endpoint, addressing style and the bucket's name.
    """
    from botocore.handlers import disable_signing

    event = "choose-signer.s3.GetObject"
    client.meta.events.register(event, disable_signing, unique_id="origin")
    try:
        link = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"})
    finally:
        client.meta.events.unregister(event, disable_signing, unique_id="origin")
    scheme, host, *_ = urlsplit(link)
    return f"{scheme}://{host}"
