"""The button on a project's models page that trains at Amazon, with its price."""

from http import HTTPStatus

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import job_queue, pipeline, text
from rubberduck.web.model_hosting import training_price
from rubberduck.web.models import projects
from rubberduck.web.numbers import numbers
from rubberduck.web.operators import audited, require_operator

aws_training = Blueprint("aws_training", __name__, url_prefix="/projects/<id>/models/amazon")


@aws_training.app_template_global("training_price_at_amazon")
def training_price_at_amazon() -> str | None:
    return training_price(numbers().dollars)


@aws_training.post("")
def train(id: str) -> ResponseReturnValue:
    """Queue a training at Amazon Rekognition Custom Labels."""
    from rubberduck.services.aws_queue import queue_training_at_amazon

    operator = require_operator()
    project = projects().get(id)
    distribute = "distribute" in request.form
    with audited("model.train", project.id, engine="rekognition", distribute=distribute):
        queue_training_at_amazon(
            pipeline(), job_queue(), project, operator.id, distribute=distribute
        )
    flash(text("The training is queued."))
    return redirect(url_for("models.index", id=id), HTTPStatus.SEE_OTHER)
