"""What Custom Labels refused, in words for an operator, and whether asking again may help."""

from typing import Any

from rubberduck.aws.errors import explain
from rubberduck.core.errors import DuckError

SERVICE = "Amazon Rekognition"
# These pass, so the same request may be made again.
PASSING = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "ServiceUnavailableException",
    "ThrottlingException",
}
SERVER_ERROR = 500  # the lowest HTTP status that means so
# Advice where a code means more than in other operations.
_ADVICE = {
    ("StartProjectVersion", "LimitExceededException"): (
        "two models of this account run already, or more than 5 units were asked for: stop one, "
        "use fewer units, or have the quota raised"
    ),
    ("StartProjectVersion", "ResourceInUseException"): (
        "the model is starting, running or stopping already: wait until it has stopped"
    ),
    ("StopProjectVersion", "ResourceInUseException"): (
        "the model is starting or stopping: try again when it runs"
    ),
    ("CreateProjectVersion", "LimitExceededException"): (
        "two trainings of this account run already: wait until one has ended"
    ),
    ("CreateProjectVersion", "ServiceQuotaExceededException"): (
        "the project has 100 models: delete one"
    ),
    ("CreateProject", "LimitExceededException"): "the account has 100 projects: delete one",
    ("DeleteProjectVersion", "ResourceInUseException"): (
        "the model runs or is trained: stop it, or wait until its training has ended"
    ),
    ("DeleteProject", "ResourceInUseException"): (
        "the project still has models or data sets: delete them first"
    ),
    ("DeleteDataset", "ResourceInUseException"): (
        "the data set is being made, changed or trained with: wait"
    ),
}


class CustomLabelsFailed(DuckError):
    """A request to Custom Labels failed; `code` is the service's, None without an answer."""

    status = 503
    slug = "custom-labels-failed"
    title = "Amazon Rekognition could not do this"
    hint = "Please try again in a minute. Nothing is lost."
    code: str | None = None


class CustomLabelsBusy(CustomLabelsFailed):
    """The service was throttling, failing or out of reach; the same request may be made again.

    Whether it was done is unknown if there was no answer.
    """

    slug = "custom-labels-busy"
    retry_after = 60
    title = "Amazon Rekognition is busy or does not answer"


class CustomLabelsRefused(CustomLabelsFailed):
    """The service understood the request and refused it; the reason says what to do."""

    status = 409
    slug = "custom-labels-refused"
    title = "Amazon Rekognition refused this"
    hint = "Do what the reason says, then try again."


class ModelNotRunning(CustomLabelsFailed):
    """DetectCustomLabels was asked while the version was not RUNNING."""

    slug = "model-not-running"
    retry_after = 60
    title = "This model is stopped"
    hint = "Ask an operator to start it, or choose another model."
    code = "ResourceNotReadyException"


class PictureNotTaken(CustomLabelsRefused):
    """DetectCustomLabels cannot take this picture; the next one may be sent."""

    status = 422
    slug = "picture-not-taken"
    title = "This model cannot take this picture"
    hint = "Send a JPEG or PNG whose sides have 64 to 4,096 pixels."


class CustomLabelsOff(DuckError):
    status = 409
    slug = "custom-labels-off"
    title = "Amazon Rekognition Custom Labels is switched off"
    hint = "Set DUCK_BUCKET and DUCK_CUSTOM_LABELS=1, or use embedded models."


class StopNotScheduled(DuckError):
    """The schedule could not be made, moved or deleted; `cause` says what to do."""

    status = 503
    slug = "stop-not-scheduled"
    title = "The stop of this model could not be scheduled at Amazon"
    hint = "If this machine goes off, the model bills on: stop it, or give the permission."
    retry_after = 60
    code: str | None = None


PICTURE_CODES = {
    "ImageTooLargeException",
    "InvalidImageFormatException",
    "InvalidParameterException",
    "InvalidS3ObjectException",
}


def refusal(operation: str, response: Any) -> CustomLabelsFailed:
    """Return the error for a ClientError's response."""
    code = response["Error"]["Code"]
    status = response["ResponseMetadata"].get("HTTPStatusCode", 0)
    advice = explain(response, service=SERVICE, permission=f"rekognition:{operation}")
    if own := _ADVICE.get((operation, code)):
        advice = f"{code}: {own}"
    error: CustomLabelsFailed
    if operation == "DetectCustomLabels" and code == "ResourceNotReadyException":
        error = ModelNotRunning("The model is not running.", cause=advice)
    elif operation == "DetectCustomLabels" and code in PICTURE_CODES:
        error = PictureNotTaken("Its format or size is not what the model takes.", cause=advice)
    elif code in PASSING or status >= SERVER_ERROR:
        error = CustomLabelsBusy(
            "{operation} failed: {advice}.", operation=operation, advice=advice
        )
    else:
        error = CustomLabelsRefused(
            "{operation} was refused: {advice}.", operation=operation, advice=advice
        )
    error.code = code
    return error


def no_answer(operation: str, problem: str) -> CustomLabelsBusy:
    """Return the error for a request whose answer did not come."""
    return CustomLabelsBusy(
        "{operation} got no answer: {problem}. Check the AWS credentials, DUCK_REGION and the "
        "network.",
        operation=operation,
        problem=problem,
    )
