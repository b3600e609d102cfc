"""Corrections: the boxes that owners of results drew. Deleted with their results."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC
from typing import Any

from rubberduck.core.models import Correction, DrawnBox
from rubberduck.db.daily_stats import count
from rubberduck.db.engine import to_naive_utc
from rubberduck.db.results import Results
from rubberduck.db.row_mapping import from_row
from rubberduck.db.tables import corrections


def save_correction(results: Results, id: str, owner: str, correction: Correction) -> None:
    """Store the owner's correction, in place of an earlier one.

    Raises NoSuchResult, also for other visitors' results.
    """
    values = {
        "boxes": [asdict(box) for box in correction.boxes],
        "consent": correction.consent,
        "created_at": to_naive_utc(correction.created_at),
    }
    with results.own_row(id, owner) as (connection, row):
        of = corrections.c.result_id == id
        if not connection.execute(corrections.update().where(of).values(values)).rowcount:
            connection.execute(corrections.insert().values(result_id=id, **values))
            count(connection, from_row(row), corrected=1)


def withdraw_correction(results: Results, id: str, owner: str) -> None:
    """Delete the owner's correction, if there is one. Raises NoSuchResult."""
    with results.own_row(id, owner) as (connection, row):
        statement = corrections.delete().where(corrections.c.result_id == id)
        if connection.execute(statement).rowcount:
            count(connection, from_row(row), corrected=-1)


def find_corrections(results: Results, ids: Collection[str]) -> dict[str, Correction]:
    """Return the corrections of these results, by id. The caller checks who may see them."""
    query = corrections.select().where(corrections.c.result_id.in_(ids))
    with results.database.transaction() as connection:
        rows = connection.execute(query).mappings().all()
    return {row["result_id"]: _correction(dict(row)) for row in rows}


def _correction(row: Mapping[str, Any]) -> Correction:
    boxes = tuple(DrawnBox(**box) for box in row["boxes"])
    return Correction(boxes, row["consent"], row["created_at"].replace(tzinfo=UTC))
