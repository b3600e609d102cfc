"""Translate what boto3's clients raise: refusals of a service, and answers that did not come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def not_sent_errors() -> tuple[type[Exception], ...]:
    """Return what boto3's clients raise when a request was never sent."""
    # Imported late: without AWS the site starts without botocore.
    from botocore import exceptions

    return (
        exceptions.ConnectTimeoutError,
        exceptions.CredentialRetrievalError,
        exceptions.EndpointConnectionError,
        exceptions.NoCredentialsError,
    )


@contextmanager
def translated_errors(
    service: str,
    refusal: Callable[[Any], Exception],
    no_answer: Callable[[str], Exception],
    not_sent: Callable[[str], Exception] | None = None,
) -> Iterator[None]:
    """Raise `refusal(response)` for an error response, and else `no_answer(problem)`.

    `not_sent` replaces `no_answer` for requests that never left. An answer that lacks what the
    service always sends counts as none: it may be a proxy's page.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise refusal(error.response) from error
    except BotoCoreError as error:
        problem = str(error).rstrip(".")
        if not_sent is not None and isinstance(error, not_sent_errors()):
            raise not_sent(problem) from error
        raise no_answer(problem) from error
    except (ResponseParserError, LookupError, TypeError, ValueError) as error:
        raise no_answer(f"the answer is not {service}'s") from error
