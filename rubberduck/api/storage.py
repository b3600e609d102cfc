"""The API of what is stored, and of its limits."""

from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.web.deps import pipeline, settings, video_service
from rubberduck.web.operators import current_operator
from rubberduck.web.responses import as_json
from rubberduck.web.sessions import known_visitor


@body_class
class UsageBody:
    """What is used of a limit."""

    bytes: Annotated[int, Field(ge=0, description="stored at the moment")]
    limit: Annotated[int | None, Field(description="in bytes; null: no limit")]


@body_class
class StorageBody:
    """What is stored for the sender, and for operators what the whole site stores."""

    pictures: Annotated[UsageBody, Field(description="your own, with their marked copies")]
    videos: Annotated[UsageBody, Field(description="your own, also those on their way")]
    site: Annotated[
        UsageBody | None,
        Field(description="pictures and videos of all visitors and projects; for operators"),
    ]


@api.get("/storage")
def get_storage() -> ResponseReturnValue:
    """Return what the visitor stores; nothing without an API key or cookie."""
    # Imported late: the first pages need no database.
    from rubberduck.db.storage_usage import bytes_of_site, bytes_of_visitor

    owner, limits = known_visitor(), pipeline().storage_limits
    database, operator = pipeline().results.database, current_operator()
    pictures = bytes_of_visitor(database, owner) if owner else 0
    videos = video_service().videos.stored_bytes(owner) if owner else 0
    is_operator = operator is not None and operator.is_operator
    body = StorageBody(
        UsageBody(pictures, limits.visitor),
        UsageBody(videos, settings().video_owner_bytes),
        UsageBody(bytes_of_site(database), limits.site) if is_operator else None,
    )
    return as_json(body)
