"""What can go wrong in a deployment, with what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
)

from rubberduck.aws.errors import explain


class DeploymentError(Exception):
    """The deployment cannot go on; the message says why and what to do."""


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Raise DeploymentError for whatever AWS refuses, or for what keeps us from AWS."""
    try:
        yield
    except (NoCredentialsError, ProfileNotFound) as error:
        raise DeploymentError(
            f"No AWS credentials found ({error}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, of an administrator of the account."
        ) from None
    except HTTPClientError as error:
        raise DeploymentError(
            f"AWS does not answer: {error}. Check REGION and the network."
        ) from None
    except ClientError as error:
        call = error.operation_name
        remedy = explain(error.response, service="this service", permission=call)
        message = error.response["Error"].get("Message", "")
        raise DeploymentError(f"AWS refused {call}. {remedy}. AWS says: {message}") from error
    except BotoCoreError as error:
        raise DeploymentError(
            f"The request to AWS failed: {error}. Check the AWS configuration."
        ) from error
