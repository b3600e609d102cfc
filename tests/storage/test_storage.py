"""Pictures in a folder and in S3: the same promises, over real disks and real HTTP."""

import os
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.useragent import UserAgentComponent

from aws_clients import s3_client
from composition import build_pipeline
from rubberduck.aws.errors import ADVICE
from rubberduck.core.errors import StorageFailed
from rubberduck.core.settings import Settings
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage
from tests.support.aws import BUCKET
from tests.support.faults import Countdown, amazon_fails, answering, s3_error

KEY = "uploads/a-key.jpg"
FAR = datetime(9999, 1, 1, tzinfo=UTC)


def s3_storage(settings: Settings, **changes: Any) -> Storage:
    return build_pipeline(settings.model_copy(update={"bucket": BUCKET, **changes})).storage


def uses(storage: Storage) -> list[Callable[[], None]]:
    return [partial(storage.put, KEY, b""), storage.check]


def test_what_is_put_is_got(storage: Storage) -> None:
    storage.put(KEY, b"a picture")
    assert storage.get(KEY) == b"a picture"


def test_a_second_put_replaces_the_first(storage: Storage) -> None:
    storage.put(KEY, b"one")
    storage.put(KEY, b"another")
    assert storage.get(KEY) == b"another"


@pytest.mark.usefixtures("s3")
def test_only_a_large_body_waits_until_s3_asks_for_it(
    aws_settings: Settings, tmp_path: Path
) -> None:
    storage = s3_storage(aws_settings)
    assert isinstance(storage, S3Storage)
    waits: list[bool] = []

    def note(request: AWSPreparedRequest, **_: Any) -> None:
        waits.append("Expect" in request.headers)

    storage.client.meta.events.register("before-send.s3.PutObject", note)
    (tmp_path / "video").write_bytes(b"a video")
    storage.put(KEY, b"a picture")
    storage.put_file("videos/a-key", tmp_path / "video", "video/mp4")
    assert waits == [False, True]
    assert storage.get(KEY) == b"a picture"
    assert storage.get("videos/a-key") == b"a video"


@pytest.mark.usefixtures("s3")
def test_over_tls_a_picture_has_its_checksum_at_each_try(
    aws_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    client = s3_client(aws_settings)
    sent: list[bytes] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        assert request.url.startswith("https://")
        assert request.headers["X-Amz-Trailer"] == b"x-amz-checksum-crc32"
        assert "Expect" not in request.headers
        sent.append(request.body.read())
        status = 200 if len(sent) > 1 else 503
        return AWSResponse(request.url, status, HTTPHeaders(), NoBody())

    client.meta.events.register("before-send.s3.PutObject", answer)
    client.put_object(Bucket=BUCKET, Key=KEY, Body=b"a picture")
    checksum = b64encode(zlib.crc32(b"a picture").to_bytes(4, "big"))
    body = b"9\r\na picture\r\n0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    assert sent == [body, body]


@pytest.mark.usefixtures("s3")
def test_the_user_agent_is_not_built_for_each_request(
    aws_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = s3_storage(aws_settings)
    built: list[UserAgentComponent] = []
    to_string = UserAgentComponent.to_string

    def note(self: UserAgentComponent) -> str:
        built.append(self)
        return str(to_string(self))

    with monkeypatch.context() as patched:
        patched.setattr(UserAgentComponent, "to_string", note)
        storage.put(KEY, b"a picture")
    assert built == []


def test_a_missing_key_is_a_missing_file(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.get(KEY)


def test_deleting_twice_is_harmless(storage: Storage) -> None:
    storage.put(KEY, b"a picture")
    storage.delete(KEY)
    storage.delete(KEY)
    with pytest.raises(FileNotFoundError):
        storage.get(KEY)


def test_a_healthy_one_is_ready_and_keeps_nothing_of_the_check(storage: Storage) -> None:
    storage.check()
    if isinstance(storage, FolderStorage):
        assert list(storage.folder.iterdir()) == []


def test_a_folder_has_no_links_of_its_own(tmp_path: Path) -> None:
    assert FolderStorage(tmp_path).url(KEY) is None


@pytest.fixture
def unwritable(tmp_path: Path) -> FolderStorage:
    (tmp_path / "uploads").write_text("a file stands where the folder should be")
    return FolderStorage(tmp_path / "uploads")


def test_an_unwritable_folder(unwritable: FolderStorage) -> None:
    for use in uses(unwritable):
        with pytest.raises(StorageFailed) as error:
            use()
        assert "make it writable" in str(error.value.cause)


def test_a_full_disk_leaves_no_half_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageFailed) as error:
        storage.put(KEY, b"a picture")
    assert "No space left on device" in str(error.value.cause)
    assert list((tmp_path / "uploads").iterdir()) == []


def sent_encryption(storage: Storage) -> dict[str, str]:
    """Return the encryption headers of an upload."""
    assert isinstance(storage, S3Storage)
    sent: dict[str, str] = {}

    def record(request: AWSPreparedRequest, **_: object) -> None:
        prefix = "x-amz-server-side-encryption"
        for name, value in request.headers.items():
            if name.lower().startswith(prefix):
                sent[name.lower().removeprefix(prefix)] = str(value, "ascii")  # type: ignore[call-overload]

    storage.client.meta.events.register("before-send.s3.PutObject", record)
    storage.put(KEY, b"a picture")
    return sent


def test_in_s3_a_picture_is_typed_and_encrypted_as_the_bucket_says(
    settings: Settings, s3: Any
) -> None:
    """An algorithm in the request would override the bucket's default, such as SSE-KMS."""
    assert sent_encryption(s3_storage(settings)) == {}
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "image/jpeg"


def test_in_s3_a_picture_is_encrypted_with_the_given_key(settings: Settings, s3: Any) -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"
    kms_key = Settings(kms_key=key).kms_key
    assert sent_encryption(s3_storage(settings, kms_key=kms_key)) == {
        "": "aws:kms",
        "-aws-kms-key-id": key,
    }
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_bucket_that_demands_a_kms_key_is_explained(settings: Settings, s3: Any) -> None:
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    storage.check()
    with (
        amazon_fails([storage.client], s3_error(403, "AccessDenied"), Countdown(1, lasts=True)),
        pytest.raises(StorageFailed) as error,
    ):
        storage.put(KEY, b"a picture")
    assert "if the bucket's policy demands SSE-KMS, set DUCK_KMS_KEY" in str(error.value.cause)


def test_many_pictures_are_deleted_with_few_requests(storage: Storage) -> None:
    kept = "uploads/kept.jpg"
    keys = [f"uploads/{number}.jpg" for number in range(5)]
    for key in [kept, *keys]:
        storage.put(key, b"a picture")
    missing = [f"uploads/never-stored-{number}.jpg" for number in range(1000)]
    assert storage.delete_all([*keys, *missing]) == {}
    assert list(storage.keys_older_than(FAR)) == [kept]


def test_s3_deletes_a_thousand_pictures_a_request(settings: Settings, s3: Any) -> None:
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    requests: list[str] = []
    storage.client.meta.events.register(
        "before-send.s3", lambda request, **_: requests.append(request.method)
    )
    assert storage.delete_all(f"uploads/{number}.jpg" for number in range(2001)) == {}
    assert requests == ["POST", "POST", "POST"]


def test_what_s3_refuses_to_delete_is_returned_by_key(settings: Settings, s3: Any) -> None:
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    refusal = b"<DeleteResult><Error><Key>uploads/1.jpg</Key><Code>AccessDenied</Code></Error>"
    refusal += b"<Deleted><Key>uploads/2.jpg</Key></Deleted></DeleteResult>"
    with amazon_fails([storage.client], answering(200, refusal), Countdown(1, lasts=True)):
        failed = storage.delete_all(["uploads/1.jpg", "uploads/2.jpg"])
        with pytest.raises(StorageFailed):
            storage.delete("uploads/1.jpg")
    assert list(failed) == ["uploads/1.jpg"]
    assert "allow s3:DeleteObject to" in str(failed["uploads/1.jpg"].cause)


def test_only_the_sites_own_keys_are_listed(storage: Storage) -> None:
    for key in ("models/duck.onnx", "projects/1/a.jpg", "out/a.csv", "uploads/a.jpg"):
        storage.put(key, b"data")
    assert list(storage.keys_older_than(FAR)) == ["uploads/a.jpg"]


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_versioned_bucket_keeps_nothing_of_a_deleted_picture(
    settings: Settings, s3: Any, status: str
) -> None:
    storage = s3_storage(settings)
    versioning = partial(s3.put_bucket_versioning, Bucket=BUCKET)
    versioning(VersioningConfiguration={"Status": "Enabled"})
    longer = f"{KEY}.bak"
    for content in (b"one", b"two"):
        storage.put(KEY, content)
        storage.put(longer, content)
    versioning(VersioningConfiguration={"Status": status})
    storage.delete(KEY)
    left = s3.list_object_versions(Bucket=BUCKET)
    assert {version["Key"] for version in left["Versions"]} == {longer}
    assert len(left["Versions"]) == 2
    assert "DeleteMarkers" not in left


def test_versions_that_may_not_be_deleted_are_a_failure(settings: Settings, s3: Any) -> None:
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    storage.put(KEY, b"a picture")
    denied = amazon_fails([storage.client], s3_error(403, "AccessDenied"), Countdown(2, lasts=True))
    with denied, pytest.raises(StorageFailed) as error:
        storage.delete(KEY)
    assert "allow s3:ListBucketVersions to" in str(error.value.cause)


def test_a_link_is_signed_short_lived_and_opens(settings: Settings, s3: Any) -> None:
    storage = s3_storage(settings, link_seconds=120)
    storage.put(KEY, b"a picture")
    url = storage.url(KEY)
    assert url is not None
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["120"]
    assert "a-secret-of-the-tests" not in url
    with urlopen(url) as answer:
        assert answer.read() == b"a picture"
    longer = parse_qs(urlsplit(storage.url(KEY, seconds=4500) or "").query)
    assert longer["X-Amz-Expires"] == ["4500"]


def test_links_lead_to_the_buckets_own_region(
    settings: Settings, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The global address redirects for a new bucket, and a signed link then breaks."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    storage = s3_storage(settings)
    url = storage.url(KEY)
    assert url is not None
    assert url.startswith(f"https://{BUCKET}.s3.eu-central-1.amazonaws.com/{KEY}?")
    assert url.startswith(f"{storage.origin}/")


def test_a_servers_own_links_lead_where_they_say(settings: Settings, aws: str) -> None:
    storage = s3_storage(settings)
    assert (storage.url(KEY) or "").startswith(f"{storage.origin}/")


def test_a_bucket_that_does_not_exist(settings: Settings, aws: str) -> None:
    storage = s3_storage(settings)
    for use in uses(storage):
        with pytest.raises(StorageFailed) as error:
            use()
        assert f"bucket {BUCKET}: 404: the bucket does not exist: create it" in str(
            error.value.cause
        )


def test_a_bucket_in_another_region(settings: Settings, aws: str) -> None:
    other = boto3.client("s3", region_name="eu-west-1")
    other.create_bucket(
        Bucket="ducks-elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    storage = s3_storage(settings, bucket="ducks-elsewhere")
    try:
        for use in uses(storage):
            with pytest.raises(StorageFailed) as error:
                use()
            assert "lies in eu-west-1: set DUCK_REGION" in str(error.value.cause)
        assert "Contents" not in other.list_objects_v2(Bucket="ducks-elsewhere")
    finally:
        other.delete_bucket(Bucket="ducks-elsewhere")


class NoBody:
    def stream(self) -> Iterator[bytes]:
        return iter(())

    def read(self, *_: int) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        pytest.param(403, {}, "403: allow s3:ListBucket to", id="not ours"),
        pytest.param(
            301, {"x-amz-bucket-region": "eu-west-1"}, "lies in eu-west-1", id="elsewhere"
        ),
        pytest.param(501, {}, f"bucket {BUCKET}: 501", id="anything else"),
    ],
)
def test_what_s3_refuses_is_said_with_its_cure(
    settings: Settings, s3: Any, status: int, headers: dict[str, str], words: str
) -> None:
    """moto owns every bucket and region, so these answers are put in on the way."""
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    answered = HTTPHeaders()
    for name, value in headers.items():
        answered[name] = value

    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        return AWSResponse(str(request.url), status, answered, NoBody())

    storage.client.meta.events.register("before-send.s3", answer)
    with pytest.raises(StorageFailed) as error:
        storage.check()
    assert words in str(error.value.cause)


@pytest.mark.parametrize(
    "code", ["RequestTimeTooSkewed", "ExpiredToken", "InvalidAccessKeyId", "SlowDown"]
)
def test_every_refusal_of_s3s_that_we_know_has_its_cure(
    settings: Settings, s3: Any, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    storage = s3_storage(settings)
    assert isinstance(storage, S3Storage)
    with (
        amazon_fails([storage.client], s3_error(403, code), Countdown(1, lasts=True)),
        pytest.raises(StorageFailed) as error,
    ):
        storage.get(KEY)
    assert error.value.cause == f"bucket {BUCKET}: {code}: {ADVICE[code]}"


def test_s3_that_does_not_answer(
    settings: Settings, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    storage = s3_storage(settings)
    with pytest.raises(StorageFailed) as error:
        storage.put(KEY, b"")
    assert "S3 did not answer" in str(error.value.cause)


def test_no_credentials(settings: Settings, aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    storage = s3_storage(settings)
    assert storage.origin == aws  # the site starts all the same
    for use in (storage.check, partial(storage.url, KEY)):
        with pytest.raises(StorageFailed) as error:
            use()
        assert "credentials" in str(error.value.cause)
