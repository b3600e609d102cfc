"""What faces look like, kept with the result of their picture, and deleted with it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from rubberduck.core.errors import NoSuchResult
from rubberduck.core.faces import AgeRange, Emotion, Face, FaceAnswer, Gender, Smile
from rubberduck.core.models import Box
from rubberduck.db.engine import is_storable, to_naive_utc
from rubberduck.db.results import Results
from rubberduck.db.tables import DELETING, duck_results, face_answers


def save_faces(results: Results, id: str, owner: str, answer: FaceAnswer) -> None:
    """Store the faces of the owner's result, in place of earlier ones.

    The result may still be pending. Raises NoSuchResult, also for other visitors' results.
    """
    values = {
        "faces": [asdict(face) for face in answer.faces],
        "engine": answer.engine,
        "engine_version": answer.engine_version,
        "fallback_for": answer.fallback_for,
        "fallback_reason": answer.fallback_reason,
        "created_at": to_naive_utc(datetime.now(UTC)),
    }
    of = face_answers.c.result_id == id
    with results.database.transaction(writing=True) as connection:
        _require_own(connection, id, owner)
        if not connection.execute(face_answers.update().where(of).values(values)).rowcount:
            connection.execute(face_answers.insert().values(result_id=id, **values))


def find_faces(results: Results, id: str) -> FaceAnswer | None:
    """Return the faces kept with a result, or None. The caller checks who may see them."""
    query = face_answers.select().where(face_answers.c.result_id == id)
    with results.database.transaction() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return FaceAnswer(
        faces=tuple(map(_face, row["faces"])),
        engine=row["engine"],
        engine_version=row["engine_version"],
        fallback_for=row["fallback_for"],
        fallback_reason=row["fallback_reason"],
    )


def delete_faces(results: Results, id: str, owner: str) -> None:
    """Delete the faces kept with the owner's result, if there are any. Raises NoSuchResult."""
    with results.database.transaction(writing=True) as connection:
        _require_own(connection, id, owner)
        connection.execute(face_answers.delete().where(face_answers.c.result_id == id))


def _require_own(connection: Connection, id: str, owner: str) -> None:
    """Lock the result's row, so that it cannot be deleted meanwhile."""
    row_of = duck_results.c
    own = and_(row_of.id == id, row_of.owner == owner, row_of.status != DELETING)
    query = select(row_of.id).where(own).with_for_update()
    if not is_storable(id) or connection.scalar(query) is None:
        raise NoSuchResult


def _face(row: Mapping[str, Any]) -> Face:
    smile, ages, gender = row["smile"], row["ages"], row["gender"]
    return Face(
        box=Box(**row["box"]),
        smile=smile and Smile(**smile),
        emotions=tuple(Emotion(**emotion) for emotion in row["emotions"]),
        ages=ages and AgeRange(**ages),
        gender=gender and Gender(**gender),
    )
