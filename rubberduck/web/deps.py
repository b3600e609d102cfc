"""Access from a request to the pipeline, the settings and the query parameters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from flask import current_app, g, request

from rubberduck.core.errors import InvalidParameter, NoSuchResult
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.readiness import Readiness
from rubberduck.services.retention import Sweeper
from rubberduck.services.samples import Samples

if TYPE_CHECKING:
    from rubberduck.jobs.queue import JobQueue
    from rubberduck.services.answering_models import AnsweringModels
    from rubberduck.services.faces import FaceService
    from rubberduck.services.known_objects import KnownObjects
    from rubberduck.services.videos import VideoService

Made = TypeVar("Made")


def default_pipeline() -> Pipeline:
    return cast(Pipeline, current_app.extensions["pipeline"])


def pipeline() -> Pipeline:
    """Return the pipeline for the question of this request; see questions.py."""
    return cast(Pipeline, g.get("pipeline") or default_pipeline())


def settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def readiness() -> Readiness:
    return cast(Readiness, current_app.extensions["readiness"])


def samples() -> Samples:
    """Return the samples of this request's question."""
    by_question = cast(dict[str, Samples], current_app.extensions["samples"])
    asked = pipeline()
    return by_question.setdefault(asked.question.title, Samples(asked))


def sweeper() -> Sweeper:
    return cast(Sweeper, current_app.extensions["sweeper"])


def answering_models() -> "AnsweringModels":
    return cast("AnsweringModels", current_app.extensions["answering_models"])


def known_objects() -> "KnownObjects":
    return cast("KnownObjects", current_app.extensions["known_objects"])


def shared(name: str, make: Callable[[], Made]) -> Made:
    """Return the application's object of this name, made at its first use.

    Threads that make it at the same moment all get the same one.
    """
    extensions = current_app.extensions
    if name not in extensions:
        extensions.setdefault(name, make())
    return cast(Made, extensions[name])


def job_queue() -> "JobQueue":
    """Return the jobs, imported at their first use."""
    from rubberduck.jobs.queue import JobQueue

    return shared("job_queue", lambda: JobQueue(pipeline().results.database, settings().owner_jobs))


def video_service() -> "VideoService":
    """Return the videos for the question or model of this request, imported at their first use."""
    from rubberduck.services.videos import VideoService

    return VideoService(pipeline(), job_queue(), settings())


def face_service() -> "FaceService":
    """Return the faces, imported at their first use. Raises NoSuchResult where they are off."""
    if (open_faces := pipeline().open_faces) is None:
        raise NoSuchResult
    from rubberduck.services.faces import FaceService

    return FaceService(pipeline(), open_faces())


def text(message: str) -> str:
    """Return a visitor's text in the site's language (translations/)."""
    gettext = cast(Callable[[str], str], current_app.jinja_env.globals["gettext"])
    return gettext(message)


def wanted_answer() -> bool | None:
    """Return the `found` parameter as a filter of results, or None. Raises InvalidParameter."""
    if (given := request.args.get("found")) is None:
        return None
    if given not in ("true", "false"):
        raise InvalidParameter("“found” must be true or false.")
    return given == "true"


def threshold(name: str = "min") -> float | None:
    """Return a parameter in percent, or None. Raises InvalidParameter."""
    if (given := request.args.get(name)) is None:
        return None
    try:
        percent = float(given)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:  # also rejects NaN
        raise InvalidParameter("“{name}” must be a number from 0 to 100.", name=name)
    return percent
