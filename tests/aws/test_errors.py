"""One table of AWS error codes for all services."""

from typing import Any

import pytest

from rubberduck.aws.errors import ADVICE, explain


def response(code: str, message: str = "", **headers: str) -> dict[str, Any]:
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()}
        },
    }


def explained(code: str, message: str = "", **headers: str) -> str:
    return explain(
        response(code, message, **headers), service="Amazon S3", permission="s3:PutObject"
    )


@pytest.mark.parametrize("code", ADVICE)
def test_each_code_is_explained_without_gaps(code: str) -> None:
    text = explained(code)
    assert text.startswith(f"{code}: ")
    assert "{" not in text
    assert len(text) > len(code) + 12


def test_the_permission_that_aws_names_is_the_one_to_allow() -> None:
    """With SSE-KMS, PutObject fails for want of a permission on the key, not on the bucket."""
    message = (
        "User: arn:aws:sts::123456789012:assumed-role/site/i-1 is not authorized to perform: "
        "kms:GenerateDataKey on resource: arn:aws:kms:eu-central-1:123456789012:key/1"
    )
    assert "allow kms:GenerateDataKey to" in explained("AccessDenied", message)
    assert "allow s3:PutObject to" in explained("AccessDenied", "Access Denied")


def test_the_region_of_the_bucket_is_named_where_s3_names_it() -> None:
    assert "lies in eu-west-1" in explained("301", x_amz_bucket_region="eu-west-1")
    assert "lies in another region" in explained("301")


def test_an_unknown_code_keeps_the_message_of_aws() -> None:
    assert explained("NewException", "a new message") == "NewException: a new message"
