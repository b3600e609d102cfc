"""Whose each column is, of the rows in which several people have a part."""

from collections.abc import Iterator

from sqlalchemy import Table

# Adds the tables of all packages.
import rubberduck.services.personal_export  # noqa: F401
from rubberduck.db.personal_columns import OF_OTHERS, OWN
from rubberduck.db.personal_rows import SECRETS
from rubberduck.db.tables import metadata


def columns_of(table: Table) -> list[str]:
    return [column.name for column in table.c]


def acts_in(table: Table) -> tuple[str, ...]:
    return tuple(name.removesuffix("by") for name in columns_of(table) if name.endswith("_by"))


def unclassified(table: Table) -> Iterator[str]:
    own, of_others = (lists.get(table.name, "").split() for lists in (OWN, OF_OTHERS))
    for name in columns_of(table):
        is_listed_once = (name in own) != (name in of_others)
        if name not in SECRETS and not name.startswith(acts_in(table)) and not is_listed_once:
            yield name


def test_each_column_is_said_to_be_of_whoever_acted_or_of_others() -> None:
    """A new column is missing here until personal_columns says which it is."""
    shared = [table for table in metadata.sorted_tables if acts_in(table) or table.name in OWN]
    assert {table.name for table in shared} == OWN.keys() >= OF_OTHERS.keys()
    assert {f"{table.name}.{name}" for table in shared for name in unclassified(table)} == set()
    listed = {
        f"{table}.{name}"
        for lists in (OWN, OF_OTHERS)
        for table in lists
        for name in lists[table].split()
    }
    assert listed <= {f"{table.name}.{name}" for table in shared for name in columns_of(table)}
