"""What can go wrong on the way, in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
)

REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
NOT_VALID = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "AuthFailure"} | {
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class CannotDeploy(Exception):
    """It goes no further; the words say why, and what to do."""


@contextmanager
def aws_in_words() -> Iterator[None]:
    """CannotDeploy for whatever AWS, or the way to it, refuses."""
    try:
        yield
    except (NoCredentialsError, ProfileNotFound) as error:
        raise CannotDeploy(
            f"There are no AWS credentials ({error}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, of somebody who may administer the account."
        ) from None
    except HTTPClientError as error:
        raise CannotDeploy(
            f"AWS does not answer: {error}. Look at REGION and the network."
        ) from None
    except ClientError as error:
        raise CannotDeploy(_refused(error)) from error
    except BotoCoreError as error:
        raise CannotDeploy(f"AWS cannot be asked: {error}. Look at its configuration.") from error


def _refused(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in REFUSALS:
        return (
            f"These AWS credentials may not do that; an administrator of the account may. {message}"
        )
    if code in NOT_VALID:
        return f"The AWS credentials are not valid, or no longer: renew them. {message}"
    return f"AWS refused {error.operation_name}: {message or code}"
