"""The operation on statistics as OpenAPI describes it."""

from rubberduck.api.openapi.builders import JsonObject, operation, problem_responses, response
from rubberduck.api.statistics import StatisticsBody
from rubberduck.core import errors

BODIES = (StatisticsBody,)


def statistics() -> JsonObject:
    """Return the operations by path."""
    get = operation(
        "get_statistics",
        "Read the statistics",
        "The totals of the last days: how many pictures were checked, how many answers were yes, "
        "and what people said of them. They remain when pictures are deleted.",
        {
            "200": response("The totals of one question.", "StatisticsBody", ["ETag"]),
            "304": response("They have not changed.", headers=["ETag"]),
            **problem_responses(errors.Unavailable),
        },
    )
    return {"/statistics": {"get": get}}
