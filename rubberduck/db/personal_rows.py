"""All rows that say whose they are, of all tables: what a visitor or an operator may ask for.

The tables of all packages share one MetaData, so a table that is added is exported, too: a column
that is named like those of the others says whose a row is. personal_columns.py says which columns
of it are that person's.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Select, Table, or_, select

from rubberduck.core.errors import NoSuchResult
from rubberduck.db.engine import Database, is_storable
from rubberduck.db.personal_columns import OF_PARENTS, Row, part_of, without_actors
from rubberduck.db.tables import metadata

OWNERS = ("owner", "operator_id")  # and each name that ends with _by
SECRETS = ("token_hash", "secret_hash", "key_hash", "token", "id_token")  # nobody's to read
# Rows of tables that name nobody, or are in OF_PARENTS, belong to whom these belong: a column, and
# whose id it has.
PARENTS = {"result_id": "duck_results", "job_id": "jobs", "video_id": "videos"}
BATCH_SIZE = 500  # rows, and ids in a condition


def rows_of(database: Database, person: str) -> Iterator[tuple[str, Row]]:
    """Yield the name of the table and the person's part of the row, without secrets, for JSON.

    `person` is a visitor's or an operator's id. Raises ResultsUnavailable.
    """
    if not is_storable(person):
        return
    ids: dict[str, list[Any]] = {name: [] for name in PARENTS.values()}
    for table in _owned_tables():
        owned = or_(*(column == person for column in _owner_columns(table)))
        for row in _batches(database, table.select().where(owned), table):
            if table.name in ids:
                ids[table.name].append(row["id"])
            yield table.name, _readable(part_of(table, row, person))
    for table, column in _dependent_tables():
        parents = ids[PARENTS[column.name]]
        for start in range(0, len(parents), BATCH_SIZE):
            own = table.select().where(column.in_(parents[start : start + BATCH_SIZE]))
            for row in _batches(database, own, table):
                if table.name in OF_PARENTS:
                    parents.append(row["id"])  # a paid analysis's segments have it until its end
                yield table.name, _readable(without_actors(row))


def owner_of(database: Database, id: str) -> str:
    """Return the id of the visitor whose result or video has this id. Raises NoSuchResult."""
    for name in ("duck_results", "videos"):
        table = metadata.tables[name]
        with database.transaction() as connection:
            query = select(table.c.owner).where(table.c.id == id)
            if is_storable(id) and (owner := connection.scalar(query)):
                return str(owner)
    raise NoSuchResult


def _owned_tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if _owner_columns(table)]


def _owner_columns(table: Table) -> list[Column[Any]]:
    if table.name == "operators":
        return [table.c.id]
    return [each for each in table.c if each.name in OWNERS or each.name.endswith("_by")]


def _dependent_tables() -> list[tuple[Table, Column[Any]]]:
    return [
        (table, table.c[name])
        for table in metadata.sorted_tables
        for name in PARENTS
        if name in table.c and (not _owner_columns(table) or OF_PARENTS.get(table.name) == name)
    ]


def _batches(database: Database, query: Select[Any], table: Table) -> Iterator[Row]:
    """Yield the rows, each batch in a transaction of its own: those of PostgreSQL have a limit."""
    ordered, start = query.order_by(*table.primary_key), 0
    while True:
        with database.transaction() as connection:
            found = connection.execute(ordered.limit(BATCH_SIZE).offset(start)).mappings().all()
        yield from map(dict, found)
        if len(found) < BATCH_SIZE:
            return
        start += BATCH_SIZE


def _readable(row: Row) -> Row:
    return {name: _as_text(value) for name, value in row.items() if name not in SECRETS}


def _as_text(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else value
