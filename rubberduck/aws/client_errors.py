"""Translate what boto3's clients raise: refusals of a service, and answers that did not come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def translated_errors(
    service: str, refusal: Callable[[Any], Exception], no_answer: Callable[[str], Exception]
) -> Iterator[None]:
    """Raise `refusal(response)` for an error response, and else `no_answer(problem)`.

    An answer that lacks what the service always sends counts as none: it may be a proxy's page.
    """
    # Imported late: without AWS the site starts without botocore.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise refusal(error.response) from error
    except BotoCoreError as error:
        raise no_answer(str(error).rstrip(".")) from error
    except (ResponseParserError, LookupError, TypeError, ValueError) as error:
        raise no_answer(f"the answer is not {service}'s") from error
