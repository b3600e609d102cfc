"""Videos that an operator names in Amazon S3: checked before a job reads them."""

import re

from rubberduck.custom_models.project_keys import OWN_PREFIXES
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage
from rubberduck.storage.s3_objects import find_object
from rubberduck.videos.keys import PREFIX
from rubberduck.videos.upload_errors import AddressRefused

ADDRESS_RE = r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1000})"


def bytes_at(storage: Storage, address: str) -> int:
    """Return the size of the object at s3://BUCKET/KEY. Raises AddressRefused, StorageFailed.

    The objects of visitors and projects are refused: their names are ids of ours.
    """
    if not isinstance(storage, S3Storage):
        raise AddressRefused("This site stores its files in a folder, so it cannot read buckets.")
    if not (match := re.fullmatch(ADDRESS_RE, address)):
        raise AddressRefused("The address must look like s3://bucket/folder/video.mp4.")
    bucket, key = match.groups()
    if bucket == storage.bucket and key.startswith((*OWN_PREFIXES, PREFIX)):
        raise AddressRefused("What the site itself has stored is not read in this way.")
    own_region = storage.client.meta.region_name
    try:
        found = find_object(storage.client, bucket, key)
    except FileNotFoundError:
        raise AddressRefused("There is no such object.") from None
    except PermissionError:
        raise AddressRefused(
            "The site may not read it: allow s3:GetObject on {resource} to its role.",
            resource=f"arn:aws:s3:::{bucket}/{key}",
        ) from None
    if found.region != own_region:
        raise AddressRefused(
            "The bucket lies in {region}. This site reads only those in {own}, its own region.",
            region=found.region,
            own=own_region,
        )
    return found.bytes
