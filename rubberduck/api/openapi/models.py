"""The operations on projects' models as OpenAPI describes them."""

from rubberduck.api.models import ComparisonBody, ModelBody, ModelListBody, TrainingBody
from rubberduck.api.openapi.builders import JsonObject, parameter, required_parameter, response
from rubberduck.api.openapi.project_builders import PROJECT_ID, project_operation
from rubberduck.api.training_plans import TrainingPlanBody
from rubberduck.aws.custom_labels_errors import CustomLabelsOff, CustomLabelsRefused
from rubberduck.core import errors
from rubberduck.custom_models.version_errors import (
    CannotTrain,
    NoSuchVersion,
    TrainingWaits,
    VersionBusy,
)
from rubberduck.web.errors import NotAllowed

BODIES = (ModelBody, ModelListBody, ComparisonBody, TrainingBody, TrainingPlanBody)
DISTRIBUTE = parameter(
    "distribute",
    "query",
    {"type": "string", "enum": ["true", "false"], "default": "false"},
    "Whether Amazon chooses the test pictures, without regard to what belongs together.",
)
WITH = required_parameter(
    "with",
    "query",
    {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "examples": [1]},
    "The number of another trained version of the project.",
)
NUMBER = parameter(
    "number",
    "path",
    {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "The number of the version in its project.",
)


def models() -> JsonObject:
    """Return the operations by path."""
    return {
        "/projects/{id}/models": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_models",
                "List the versions of a project's model",
                "The newest first, with their figures on pictures that they did not train with, "
                "and the trainings that wait or run.",
                {"200": response("The versions.", "ModelListBody")},
            ),
            "post": project_operation(
                "train_model",
                "Train a new version",
                "For operators. Trains on the site's own machine with the labelled pictures, and "
                "costs nothing. The list shows how far it is. A new version answers nobody before "
                "somebody starts it.",
                {"202": response("The training is queued.", "TrainingBody", ["Location"])},
                NotAllowed,
                CannotTrain,
                TrainingWaits,
                errors.TooManyJobs,
            ),
        },
        "/projects/{id}/training-plan": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "get_training_plan",
                "Read what a training now would do",
                "What stands in its way, the pictures on each side, how long it would take on the "
                "site's own machine, and what an hour at Amazon costs. Starts nothing.",
                {"200": response("The plan.", "TrainingPlanBody")},
            ),
        },
        "/projects/{id}/models/amazon": {
            "parameters": [PROJECT_ID],
            "post": project_operation(
                "train_model_at_amazon",
                "Train a new version at Amazon",
                "For operators. Amazon Rekognition Custom Labels trains for half an hour to a day, "
                "and bills it by the hour if it succeeds: `GET …/training-plan` says how much.",
                {"202": response("The training is queued.", "TrainingBody", ["Location"])},
                NotAllowed,
                errors.InvalidParameter,
                CustomLabelsOff,
                CannotTrain,
                TrainingWaits,
                errors.TooManyJobs,
                parameters=[DISTRIBUTE],
            ),
        },
        "/projects/{id}/models/{number}/comparison": {
            "parameters": [PROJECT_ID, NUMBER],
            "get": project_operation(
                "compare_models",
                "Compare two versions",
                "Whether the version is better than another one, on the pictures that neither "
                "trained with: a paired bootstrap of the difference of their F1.",
                {"200": response("The comparison.", "ComparisonBody")},
                *(NoSuchVersion, errors.InvalidParameter),
                parameters=[WITH],
            ),
        },
        "/projects/{id}/models/{number}": {
            "parameters": [PROJECT_ID, NUMBER],
            "get": project_operation(
                "get_model",
                "Read a version",
                "Its state, and how good it is at each label.",
                {"200": response("The version.", "ModelBody")},
                NoSuchVersion,
            ),
            "delete": project_operation(
                "delete_model",
                "Delete a version",
                "For operators. Its file and figures go, also at Amazon; pictures and labels stay. "
                "Stop it first if it runs.",
                {"204": response("It is deleted.")},
                *(NotAllowed, NoSuchVersion, VersionBusy, CustomLabelsRefused),
            ),
        },
    }
