"""The API of projects' models: their versions, their figures, and training a new one."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from flask import url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import flag
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import Timestamp
from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.formatting import rfc3339
from rubberduck.web.jobs import failure_of, message_of
from rubberduck.web.models import database, other_version, projects, settled_versions, versions
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.problem_details import Address
from rubberduck.web.responses import as_json

if TYPE_CHECKING:
    from rubberduck.custom_models.evaluation import Evaluation, Figures, LabelFigures
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.jobs.models import Job

Share = Annotated[float, Field(ge=0, le=1)]
Difference = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=1, description="counts the versions of the project")]


@body_class
class FigureBody:
    """A figure of the test, and its 95 % interval."""

    value: Annotated[Share | None, Field(description="null if undefined")]
    low: Annotated[Share | None, Field(description="null if unknown")]
    high: Annotated[Share | None, Field(description="null if unknown")]


@body_class
class LabelFiguresBody:
    """How good a version is at one label, at its threshold."""

    label: str
    threshold: Share
    f1: FigureBody
    precision: FigureBody
    recall: FigureBody
    average_precision: FigureBody
    right: Annotated[Count | None, Field(description="boxes or pictures; null if unknown")]
    false: Annotated[Count | None, Field(description="said where there is none")]
    missed: Annotated[Count | None, Field(description="there and not said")]
    test_pictures: Annotated[Count, Field(description="with the label; fewer than 10 mean nothing")]


@body_class
class EvaluationBody:
    """The figures of a version on pictures that it did not train with."""

    test_pictures: Count
    is_enough: Annotated[bool, Field(description="false: too few pictures to mean anything")]
    thresholds_from: Annotated[str, Field(description="validation, cross-validation or test")]
    f1: Annotated[FigureBody, Field(description="of all labels together")]
    mean_f1: Annotated[FigureBody, Field(description="the mean of the labels, as AWS reports it")]
    labels: tuple[LabelFiguresBody, ...]


@body_class
class ModelBody:
    """A version of a project's model."""

    number: Number
    name: str
    engine: Annotated[str, Field(description="embedded or rekognition")]
    state: Annotated[str, Field(description="as Custom Labels names it, such as RUNNING")]
    state_message: Annotated[str, Field(description="why the training failed; else empty")]
    created_at: Timestamp
    trained_at: Annotated[Timestamp | None, Field(description="null: not trained")]
    labels: tuple[str, ...]
    pictures: Annotated[Count, Field(description="trained with")]
    withdrawn_pictures: Annotated[Count, Field(description="of those, deleted since")]
    is_default: Annotated[bool, Field(description="it answers who chooses no model")]
    evaluation: Annotated[EvaluationBody | None, Field(description="null: not trained")]
    training_seconds: Annotated[
        float | None, Field(ge=0, description="how long the training took; null: not known")
    ]
    file_bytes: Annotated[int | None, Field(ge=0, description="of its file; null: none here")]
    job: Annotated[str | None, Field(description="the id of its training; operators read its log")]
    self: Annotated[Address, Field(description="its address")]


@body_class
class DifferenceBody:
    """By how much the F1 of a version is larger than that of another one."""

    value: Annotated[Difference | None, Field(description="null: not known")]
    low: Annotated[Difference | None, Field(description="of its 95 % interval; null: not known")]
    high: Annotated[Difference | None, Field(description="null: not known")]


@body_class
class ComparisonBody:
    """Whether a version of a project's model is better than another one."""

    number: Number
    compared_with: Number
    outcome: Annotated[
        Literal["better", "worse", "no difference", "too few pictures", "unknown"],
        Field(description="of this version; unknown: one has no figures"),
    ]
    how: Annotated[
        Literal["paired", "intervals"],
        Field(description="by the pictures of both tests, or by their intervals, which sees less"),
    ]
    pictures: Annotated[Count, Field(description="that both were tested on")]
    f1: Annotated[Share | None, Field(description="of this version; null: undefined")]
    f1_compared_with: Annotated[Share | None, Field(description="of the other one")]
    difference: DifferenceBody


@body_class
class TrainingBody:
    """A training that waits or runs."""

    job: str
    state: Annotated[str, Field(description="queued or running")]
    progress: Annotated[int, Field(ge=0, le=100, description="percent")]
    message: Annotated[str, Field(description="what it does at the moment")]


@body_class
class ModelListBody:
    """The versions of a project, the newest first, and trainings that have not ended."""

    models: tuple[ModelBody, ...]
    trainings: tuple[TrainingBody, ...]


@api.get("/projects/<id>/models")
def list_models(id: str) -> ResponseReturnValue:
    """Return the versions of a project."""
    from rubberduck.services.training_queue import active_trainings

    require_labeller()
    project = projects().get(id)
    known = tuple(_model_body(version) for version in settled_versions(project))
    active = active_trainings(job_queue().store, id)
    return as_json(ModelListBody(known, tuple(map(_training_body, active))))


@api.post("/projects/<id>/models")
def train_model(id: str) -> ResponseReturnValue:
    """Queue a training; for operators."""
    from rubberduck.services.training_queue import queue_training

    operator = require_operator()
    project = projects().get(id)
    job_id = queue_training(job_queue(), database(), project, operator.id)
    audit("model.train", project.id, job=job_id)
    address = url_for("api.list_models", id=id)
    body = _training_body(job_queue().get(job_id))
    return as_json(body, HTTPStatus.ACCEPTED, Location=address)


@api.post("/projects/<id>/models/amazon")
def train_model_at_amazon(id: str) -> ResponseReturnValue:
    """Queue a training at Amazon, which costs money; for operators."""
    from rubberduck.services.aws_queue import queue_training_at_amazon

    operator = require_operator()
    project = projects().get(id)
    distribute = flag("distribute")
    with audited("model.train", project.id, engine="rekognition", distribute=distribute):
        job_id = queue_training_at_amazon(
            pipeline(), job_queue(), project, operator.id, distribute=distribute
        )
    body = _training_body(job_queue().get(job_id))
    address = url_for("api.list_models", id=id)
    return as_json(body, HTTPStatus.ACCEPTED, Location=address)


@api.get("/projects/<id>/models/<int:number>")
def get_model(id: str, number: int) -> ResponseReturnValue:
    """Return a version with its figures."""
    require_labeller()
    projects().get(id)
    return as_json(_model_body(versions().get(id, number)))


@api.get("/projects/<id>/models/<int:number>/comparison")
def compare_models(id: str, number: int) -> ResponseReturnValue:
    """Return whether a version is better than the one that `?with=` names."""
    from rubberduck.custom_models.comparison import compare

    require_labeller()
    known = settled_versions(projects().get(id))
    version = versions().get(id, number)
    other = other_version(known, number)
    if version.evaluation is None or other.evaluation is None:
        raise InvalidParameter("Version {number} has no figures to compare.", number=number)
    found = compare(other.evaluation, version.evaluation)
    low, high = found.interval or (None, None)
    return as_json(
        ComparisonBody(
            number=number,
            compared_with=other.number,
            outcome=found.outcome,
            how=found.how,
            pictures=found.pictures,
            f1=found.second,
            f1_compared_with=found.first,
            difference=DifferenceBody(found.difference, low, high),
        )
    )


@api.delete("/projects/<id>/models/<int:number>")
def delete_model(id: str, number: int) -> ResponseReturnValue:
    """Delete a version; for operators."""
    from rubberduck.services.training_queue import delete_version

    require_operator()
    projects().get(id)
    with audited("model.delete", id, number=number):
        delete_version(pipeline(), id, number)
    return no_content()


def _model_body(version: "ModelVersion") -> ModelBody:
    evaluation = version.evaluation
    return ModelBody(
        number=version.number,
        name=version.name,
        engine=version.engine,
        state=version.state,
        state_message=failure_of(version.state_message, version.job_id),
        created_at=rfc3339(version.created_at),
        trained_at=rfc3339(version.trained_at) if version.trained_at else None,
        labels=version.label_names,
        pictures=version.pictures,
        withdrawn_pictures=version.withdrawn_pictures,
        is_default=version.is_default,
        evaluation=_evaluation_body(evaluation) if evaluation else None,
        training_seconds=version.training_seconds,
        file_bytes=version.file_bytes,
        job=version.job_id,
        self=url_for("api.get_model", id=version.project_id, number=version.number),
    )


def _evaluation_body(evaluation: "Evaluation") -> EvaluationBody:
    return EvaluationBody(
        test_pictures=evaluation.pictures,
        is_enough=evaluation.is_enough,
        thresholds_from=evaluation.thresholds_from,
        f1=figure_body(evaluation.overall, "f1"),
        mean_f1=figure_body(evaluation.mean, "f1"),
        labels=tuple(map(_label_body, evaluation.labels)),
    )


def _label_body(one: "LabelFigures") -> LabelFiguresBody:
    names = ("f1", "precision", "recall", "average_precision")
    figures: dict[str, Any] = {name: figure_body(one.figures, name) for name in names}
    return LabelFiguresBody(
        label=one.label,
        threshold=one.threshold,
        right=one.figures.right,
        false=one.figures.false,
        missed=one.figures.missed,
        test_pictures=one.figures.pictures,
        **figures,
    )


def figure_body(figures: "Figures", name: str) -> FigureBody:
    low, high = figures.intervals.get(name, (None, None))
    return FigureBody(getattr(figures, name), low, high)


def _training_body(job: "Job") -> TrainingBody:
    return TrainingBody(job.id, job.state, job.progress, message_of(job))
