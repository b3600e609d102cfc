"""The tests' own small S3 answers as moto's does: the same calls, the same outcome."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rubberduck.storage.s3_conditional import ConditionalS3
from tests.support import fake_s3
from tests.support.aws import BUCKET

KEYS = ["all/a b+c %41 ü.jpg", "all/a&<b>.jpg", "all/z.jpg", "all.jpg", "other/1.jpg"]


@pytest.fixture(params=["moto", "ours"])
def client(request: pytest.FixtureRequest, s3: Any) -> Iterator[Any]:
    if request.param == "moto":
        yield s3
        return
    with fake_s3.running(BUCKET) as server:
        yield boto3.client("s3", endpoint_url=server.url)


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ClientError) as raised:
        call()
    found = raised.value.response
    return found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]


def test_lists_have_the_keys_below_a_prefix_in_pages(client: Any) -> None:
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="all/", PaginationConfig={"PageSize": 2}
    )
    found = [[item["Key"] for item in page["Contents"]] for page in pages]
    assert found == [["all/a b+c %41 ü.jpg", "all/a&<b>.jpg"], ["all/z.jpg"]]
    answer = client.list_objects_v2(Bucket=BUCKET, Prefix="none/")
    assert (answer["KeyCount"], answer["IsTruncated"], "Contents" in answer) == (0, False, False)
    (item,) = client.list_objects_v2(Bucket=BUCKET, Prefix="other/")["Contents"]
    assert (item["Size"], item["StorageClass"]) == (11, "STANDARD")
    assert item["ETag"] == client.get_object(Bucket=BUCKET, Key="other/1.jpg")["ETag"]


def test_the_sites_own_storage_reads_and_writes_under_conditions(client: Any) -> None:
    bucket = ConditionalS3(client, BUCKET, 60)
    first = bucket.put_if("claims/a", b"1", None)
    assert first
    assert bucket.put_if("claims/a", b"2", None) is None
    second = bucket.put_if("claims/a", b"2", first)
    assert second
    assert bucket.put_if("claims/a", b"3", first) is None
    assert bucket.put_if("claims/none", b"3", first) is None
    assert bucket.get_tagged("claims/a") == (b"2", second)
    with pytest.raises(FileNotFoundError):
        bucket.get_version(BUCKET, "claims/a", first.strip('"'), is_versioned=False, most=9)
    with pytest.raises(FileNotFoundError):
        bucket.get_from(BUCKET, "claims/none", 9)


def test_refusals_have_the_services_codes(client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    assert refusal(lambda: client.get_object(Bucket=BUCKET, Key="b")) == (404, "NoSuchKey")
    assert refusal(lambda: client.get_object(Bucket=BUCKET, Key="a", IfMatch='"0"')) == (
        412,
        "PreconditionFailed",
    )
    assert refusal(lambda: client.list_objects_v2(Bucket="another-bucket")) == (404, "NoSuchBucket")
