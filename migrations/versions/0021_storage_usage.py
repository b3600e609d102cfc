"""How many bytes the pictures of each visitor take, for the quotas.

Results of before are not counted: their pictures' sizes are only known to the storage, and they go
with their retention. Triggers count whoever writes, as in 0020. Rows of several owners are written
in the order of the owners, so that no two writers wait for each other.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

FORGET = "DELETE FROM visitor_storage WHERE bytes = 0 AND owner IN ({owners});"


def upgrade() -> None:
    op.add_column("duck_results", sa.Column("stored_bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "visitor_storage",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in _sqlite_triggers() if is_sqlite else _postgresql_triggers():
        connection.exec_driver_sql(statement)


def _changes(rows: str, sign: str) -> str:
    """Return a query of what the results in `rows` add to, or take from, rows of owners."""
    return (
        f"SELECT COALESCE(r.owner, '') AS owner, {sign}r.stored_bytes AS bytes FROM {rows} AS r"
        " WHERE r.stored_bytes IS NOT NULL"
    )


def _count(changes: str) -> str:
    return (
        "INSERT INTO visitor_storage (owner, bytes)"
        f" SELECT owner, CAST(SUM(bytes) AS BIGINT) FROM ({changes}) AS changes GROUP BY owner"
        " HAVING SUM(bytes) <> 0 ORDER BY owner"
        " ON CONFLICT (owner) DO UPDATE SET bytes = visitor_storage.bytes + excluded.bytes;"
    )


def _sqlite_triggers() -> list[str]:
    def of(row: str, sign: str) -> str:
        rows = f"(SELECT {row}.owner AS owner, {row}.stored_bytes AS stored_bytes)"
        return _changes(rows, sign)

    differ = "OLD.owner IS NOT NEW.owner OR OLD.stored_bytes IS NOT NEW.stored_bytes"
    moved = f"{of('OLD', '-')} UNION ALL {of('NEW', '+')}"
    forget = FORGET.format(owners="COALESCE(OLD.owner, '')")
    events = (
        ("insert", "INSERT ON duck_results", _count(of("NEW", "+"))),
        (
            "update",
            f"UPDATE OF owner, stored_bytes ON duck_results WHEN {differ}",
            _count(moved) + forget,
        ),
        ("delete", "DELETE ON duck_results", _count(of("OLD", "-")) + forget),
    )
    return [
        f"CREATE TRIGGER visitor_storage_on_{name} AFTER {event} BEGIN {work} END"
        for name, event, work in events
    ]


def _postgresql_triggers() -> list[str]:
    """Of statements, not of rows: thousands of changes of one row are slow in a transaction."""
    new, old = _changes("new_rows", "+"), _changes("old_rows", "-")
    forget = FORGET.format(
        owners="SELECT COALESCE(o.owner, '') FROM old_rows AS o WHERE o.stored_bytes IS NOT NULL"
    )
    events = (
        ("insert", "NEW TABLE AS new_rows", _count(new)),
        (
            "update",
            "OLD TABLE AS old_rows NEW TABLE AS new_rows",
            _count(f"{old} UNION ALL {new}") + forget,
        ),
        ("delete", "OLD TABLE AS old_rows", _count(old) + forget),
    )
    statements = []
    for name, tables, work in events:
        function = f"visitor_storage_on_{name}()"
        statements += [
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {work} RETURN NULL; END $$",
            f"CREATE TRIGGER visitor_storage_on_{name} AFTER {name.upper()} ON duck_results"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {function}",
        ]
    return statements
