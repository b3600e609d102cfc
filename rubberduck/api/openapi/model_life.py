"""The operations on the life of models as OpenAPI describes them."""

from rubberduck.api.model_life import LifeSettingsBody, ModelLifeBody, StartRequestBody
from rubberduck.api.openapi.builders import (
    JsonObject,
    json_body,
    operation,
    problem_responses,
    response,
)
from rubberduck.api.openapi.models import NUMBER
from rubberduck.api.openapi.project_builders import PROJECT_ID, SECURITY
from rubberduck.core import errors
from rubberduck.web.problem_details import PROBLEM

BODIES = (StartRequestBody, LifeSettingsBody, ModelLifeBody)
# The errors of models, by status.
REFUSALS = {
    "401": "Please sign in: a token of an operator is missing",
    "403": "Not allowed: the token is of a labeller",
    "404": "There is no such model",
    "409": "The state of the model does not allow this; or: nothing would stop it",
    "503": "Unavailable; or: the spending limit is reached; or: Amazon does not answer",
}
PARAMETERS = [PROJECT_ID, NUMBER]


def model_life() -> JsonObject:
    """Return the operations by path."""
    path = "/projects/{id}/models/{number}"
    start = {"units": 1, "unwatched": False}
    settings = {"default": True, "may_start_itself": False}
    return {
        f"{path}/life": {
            "parameters": PARAMETERS,
            "get": _operation(
                "get_model_life", "Read a model's state and costs", "For labellers and operators."
            ),
            "put": _operation(
                "put_model_life",
                "Say whom a model answers",
                "One model of the site can answer visitors who chose none. One at Amazon starts by "
                "itself only with DUCK_SCHEDULER_ROLE: else nothing would stop it if the site goes "
                "off (409).",
                json_body("LifeSettingsBody", settings),
            ),
        },
        f"{path}/start": {
            "parameters": PARAMETERS,
            "post": _operation(
                "start_model",
                "Start a model",
                "At Amazon it costs by the minute, also when nobody asks: `GET …/life` says how "
                "much. It is stopped when nobody asked for a while. An embedded one costs nothing.",
                json_body("StartRequestBody", start),
            ),
        },
        f"{path}/stop": {
            "parameters": PARAMETERS,
            "post": _operation(
                "stop_model",
                "Stop a model",
                "At Amazon it takes minutes; the request is repeated until it has stopped.",
            ),
        },
        f"{path}/extend": {
            "parameters": PARAMETERS,
            "post": _operation(
                "extend_model",
                "Let a model run longer",
                "Moves the moment at which it is stopped in any case.",
            ),
        },
    }


def _operation(
    id: str, summary: str, description: str, body: JsonObject | None = None
) -> JsonObject:
    errors_of_body = (errors.InvalidParameter, errors.PictureTooLarge) if body else ()
    known = problem_responses(*errors_of_body)
    refusals = {
        status: response(text, "ProblemBody", media_type=PROBLEM)
        for status, text in REFUSALS.items()
        if status not in known
    }
    responses = {"200": response("The model's life.", "ModelLifeBody"), **known, **refusals}
    ordered = dict(sorted(responses.items()))
    fields = {"requestBody": body} if body else {}
    return operation(id, summary, description, ordered, security=SECURITY, **fields)
