"""The question of a request: `?question=` names one of those offered; else the default."""

from typing import Any

from flask import Flask, g, request

from rubberduck.core.models import Result
from rubberduck.web.deps import default_pipeline, pipeline

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
    "statistics.index",
    "statistics.chart",
}


def register_questions(app: Flask) -> None:
    app.before_request(_choose_question)
    app.url_defaults(_keep_question)


def use_question_of(result: Result) -> None:
    """Let the rest of this request ask what the result's question is."""
    g.pipeline = default_pipeline().for_result(result)


def question_title() -> str | None:
    """Return the title of the question in `?question=`, as a filter; None without it."""
    return pipeline().question.title if "question" in request.args else None


def _choose_question() -> None:
    """Raise NoSuchQuestion for a question that is not offered."""
    key = request.args.get("question")
    if request.endpoint and key is not None:
        g.pipeline = default_pipeline().for_question(key)


def _keep_question(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint in KEEPING and "question" not in values and (key := pipeline().key):
        values["question"] = key
