"""The question of a request: `?question=` names one of those offered, `?model=` a project's model.

Without either, the model that an operator made the default answers, or else the first question.
"""

from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import Flask, g, request

from rubberduck.core.errors import InvalidParameter
from rubberduck.core.models import Result
from rubberduck.web.deps import answering_models, default_pipeline, pipeline, threshold

if TYPE_CHECKING:
    from rubberduck.db.model_activity import AnsweringModel
    from rubberduck.videos.models import Video

# Links to these endpoints keep the question of the page that they stand on.
KEEPING = {
    "home.index",
    "home.upload",
    "home.camera",
    "home.sample",
    "home.sample_json",
    "home.marked_sample",
    "many.index",
    "api.upload",
    "api.analyze_frame",
    "videos.index",
    "videos.send",
    "videos.accept",
    "api.create_video",
    "statistics.index",
    "statistics.chart",
    "api.get_statistics",
}
# What a project's model can answer, and the statistics of its answers.
ASKING = {
    "home.index",
    "home.upload",
    "home.camera",
    "many.index",
    "api.upload",
    "api.analyze_frame",
    "videos.index",
    "videos.send",
    "videos.accept",
    "api.create_video",
    "statistics.index",
    "statistics.chart",
    "api.get_statistics",
}
WITH_MIN_CONFIDENCE = {"api.upload"}
# Frames of a camera name the model that its page shows: a frame touches no database.
ANSWERED_BY_DEFAULT = ASKING - {"api.analyze_frame"}


def register_questions(app: Flask) -> None:
    app.before_request(_choose_question)
    app.url_defaults(_keep_question)


def use_question_of(result: Result) -> None:
    """Let the rest of this request ask what the result's question is."""
    _use(_model_that_answered(result), result.question)


def use_question_of_video(video: "Video") -> None:
    """Let the rest of this request ask the model or the question that the video was sent to."""
    models = (each for each in answering_models().list() if each.project_id == video.model)
    _use(next(models, None), video.question)


def _use(model: "AnsweringModel | None", title: str) -> None:
    """Let the rest of this request ask this model, else the question of this title, if offered."""
    if model:
        g.pipeline = answering_models().pipeline_of(model)
    else:
        g.pipeline = default_pipeline().for_title(title)


def _model_that_answered(result: Result) -> "AnsweringModel | None":
    """Return the version that answered, else one of its project that asks the same, if it runs.

    The title alone does not tell whose a result is: other projects may ask the same question.
    """
    models, answer = answering_models().list(), result.answer
    own = (each for each in models if each.has_answered(answer.engine_version))
    same = (answer.engine, result.question)
    alike = (each for each in models if (each.detector_name, each.question) == same)
    return next(chain(own, alike), None)


def question_title() -> str | None:
    """Return the title of the question in `?question=`, as a filter; None without it."""
    return pipeline().question.title if "question" in request.args else None


def _choose_question() -> None:
    """Raise NoSuchQuestion, NoSuchModelOffered or ModelStopped for what is not offered."""
    key, model = request.args.get("question"), request.args.get("model")
    if request.endpoint in ASKING and model is not None:
        if key is not None:
            raise InvalidParameter("Give either “question” or “model”.")
        may_start = request.method == "POST"  # no link starts anything
        g.pipeline = answering_models().pipeline_for(
            model, may_start=may_start, min_confidence=_min_confidence()
        )
    elif request.endpoint in WITH_MIN_CONFIDENCE and _min_confidence() is not None:
        raise InvalidParameter("“min_confidence” is for a “model”: give both, or neither.")
    elif request.endpoint and key is not None:
        g.pipeline = default_pipeline().for_question(key)
    elif request.endpoint in ANSWERED_BY_DEFAULT and (default := _default_model()):
        g.pipeline = answering_models().pipeline_of(default)


def _default_model() -> "AnsweringModel | None":
    """Return the model that answers who chose nothing: pages do not wait for the database."""
    models = answering_models()
    return models.default_for_question() if request.method == "POST" else models.default()


def _min_confidence() -> float | None:
    """Return what programs ask of a model instead of its thresholds. Raises InvalidParameter."""
    return threshold("min_confidence") if request.endpoint in WITH_MIN_CONFIDENCE else None


def _keep_question(endpoint: str, values: dict[str, Any]) -> None:
    if "question" in values or "model" in values:
        return
    if endpoint in ASKING and (model := pipeline().model):
        values["model"] = model
    elif endpoint in KEEPING and (key := pipeline().key):
        values["question"] = key
