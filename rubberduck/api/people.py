"""The API of everybody who may sign in; for operators."""

from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import Timestamp
from rubberduck.web.formatting import rfc3339
from rubberduck.web.operators import let_in, people, remove_access, require_operator
from rubberduck.web.responses import as_json


@body_class
class PersonBody:
    """A person who may sign in, or might once."""

    id: str
    name: str
    role: Annotated[str, Field(description="operator or labeller")]
    sessions: Annotated[int, Field(ge=0, description="browsers in which the person is signed in")]
    keys: Annotated[int, Field(ge=0, description="API keys that have not expired")]
    last_seen_at: Annotated[
        Timestamp | None, Field(description="of these sessions and keys, to the minute")
    ]
    removed_at: Annotated[Timestamp | None, Field(description="since when access is refused")]
    is_you: bool


@body_class
class PeopleBody:
    """Everybody by name; those who were removed come last."""

    people: tuple[PersonBody, ...]


@api.get("/people")
def list_people() -> ResponseReturnValue:
    """Return everybody who may sign in, and who was removed."""
    own = require_operator().id
    listed = tuple(
        PersonBody(
            id=each.operator.id,
            name=each.operator.name,
            role=each.operator.role,
            sessions=each.sessions,
            keys=each.keys,
            last_seen_at=rfc3339(each.last_seen_at) if each.last_seen_at else None,
            removed_at=rfc3339(each.removed_at) if each.removed_at else None,
            is_you=each.operator.id == own,
        )
        for each in people()
    )
    return as_json(PeopleBody(listed))


@api.delete("/people/<id>/access")
def remove_person(id: str) -> ResponseReturnValue:
    """End all sessions and keys of a person at once, and refuse new ones."""
    remove_access(id)
    return no_content()


@api.put("/people/<id>/access")
def let_person_in(id: str) -> ResponseReturnValue:
    """Let a person who was removed sign in again."""
    let_in(id)
    return no_content()
