"""The operations on the evaluations of models as OpenAPI describes them."""

from rubberduck.api.evaluations import KINDS, FullEvaluationBody, MistakeListBody
from rubberduck.api.openapi.builders import JsonObject, page_size, parameter, response
from rubberduck.api.openapi.models import NUMBER
from rubberduck.api.openapi.operations import IF_NONE_MATCH
from rubberduck.api.openapi.project_builders import PROJECT_ID, project_operation
from rubberduck.api.routes import DEFAULT_LIMIT, MAX_LIMIT
from rubberduck.core import errors
from rubberduck.custom_models.summary_format import EvaluationSummary
from rubberduck.custom_models.version_errors import NoSuchVersion

BODIES = (FullEvaluationBody, MistakeListBody, EvaluationSummary)
KIND = parameter("kind", "query", {"type": "string", "enum": list(KINDS)}, "Only of this kind.")
TOKEN = parameter(
    "token",
    "query",
    {"type": "string", "format": "mistakes-token"},
    "Where the page starts: taken from “next”.",
)
UNCHANGED = response("It has not changed.", headers=["ETag"])


def evaluations() -> JsonObject:
    """Return the operations by path."""
    path = "/projects/{id}/models/{number}"
    return {
        f"{path}/evaluation": {
            "parameters": [PROJECT_ID, NUMBER],
            "get": project_operation(
                "get_evaluation",
                "Read how good a version is",
                "By label: the figures at its threshold and at others, with 95 % intervals, and "
                "which labels are taken for which. Measured on pictures that the version did not "
                "train with. A version that is not trained returns 404.",
                {
                    "200": response("The figures.", "FullEvaluationBody", ["ETag"]),
                    "304": UNCHANGED,
                },
                NoSuchVersion,
                parameters=[IF_NONE_MATCH],
            ),
        },
        f"{path}/evaluation-summary": {
            "parameters": [PROJECT_ID, NUMBER],
            "get": project_operation(
                "get_evaluation_summary",
                "Read the figures as Amazon writes them",
                "In the format of the file `EvaluationResultSummary-….json` of Amazon Rekognition "
                "Custom Labels, for programs that read those. Undefined figures are 0; boxes have "
                "an average precision, whole pictures a confusion matrix.",
                {
                    "200": response("The figures.", "EvaluationSummary", ["ETag"]),
                    "304": UNCHANGED,
                },
                NoSuchVersion,
                parameters=[IF_NONE_MATCH],
            ),
        },
        f"{path}/mistakes": {
            "parameters": [PROJECT_ID, NUMBER],
            "get": project_operation(
                "list_mistakes",
                "List what a version got wrong",
                "The pictures and the places, the surest mistakes of each kind first. Follow "
                "“next” in “links” until it is null.",
                {"200": response("One page.", "MistakeListBody", ["ETag"]), "304": UNCHANGED},
                NoSuchVersion,
                errors.InvalidParameter,
                parameters=[KIND, page_size(DEFAULT_LIMIT, MAX_LIMIT), TOKEN, IF_NONE_MATCH],
            ),
        },
    }
