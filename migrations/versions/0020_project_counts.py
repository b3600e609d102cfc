"""How many pictures each project has, in all and with each label, and indexes for labelling.

The first page of a project with 100,000 pictures read them all, to count them. Triggers count
whoever writes, also a process of the version before while machines are upgraded in turns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

NUMBERS = ("stored", "stored_bytes", "pictures", "labelled", "empty")
COLUMNS = f"project_id, label, {', '.join(NUMBERS)}"
COUNTED = ("id", "project_id", "status", "revision", "bytes", "boxes", "labels")  # of a picture
LABELLED = "p.status = 'ready' AND p.revision > 0"


def upgrade() -> None:
    op.create_table(
        "project_counts",
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("label", sa.String(length=24), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in NUMBERS),
        sa.PrimaryKeyConstraint("project_id", "label"),
    )
    op.create_index(
        "project_pictures_by_lease",
        "project_pictures",
        ["leased_by", "project_id", "status", "leased_until"],
    )
    op.create_index(
        "project_pictures_by_uncertainty",
        "project_pictures",
        ["project_id", "status", "revision", sa.text("uncertainty DESC"), "created_at", "id"],
    )
    for name, column in (("truth", "truth"), ("suggestion", "suggested")):
        is_set = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"project_pictures_by_{name}",
            "project_pictures",
            ["project_id", "status", "revision"],
            sqlite_where=is_set,
            postgresql_where=is_set,
        )
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    changes = _changes("project_pictures", "+", is_sqlite)
    connection.exec_driver_sql(f"INSERT INTO project_counts ({COLUMNS}) {_summed(changes)}")
    for statement in _sqlite_triggers() if is_sqlite else _postgresql_triggers():
        connection.exec_driver_sql(statement)


def _changes(rows: str, sign: str, is_sqlite: bool) -> str:
    """Return a query of what the pictures in `rows` add to, or take from, rows of counts.

    The row of a project has the label "", that of a label counts a picture once, however many of
    its boxes have it.
    """
    ready, labelled = _one_if("p.status = 'ready'"), _one_if(LABELLED)
    empty = _one_if(
        f"{LABELLED} AND json_array_length(p.boxes) = 0 AND json_array_length(p.labels) = 0"
    )
    totals = (
        f"SELECT p.project_id, '' AS label, {sign}1 AS stored, {sign}p.bytes AS stored_bytes,"
        f" {sign}{ready} AS pictures, {sign}{labelled} AS labelled, {sign}{empty} AS empty"
        f" FROM {rows} AS p"
    )
    if is_sqlite:
        of_boxes = "json_extract(e.value, '$.label')", "json_each(p.boxes) AS e"
        of_picture = "e.value", "json_each(p.labels) AS e"
    else:
        of_boxes = "e.value ->> 'label'", "json_array_elements(p.boxes) AS e(value)"
        of_picture = "e.value", "json_array_elements_text(p.labels) AS e(value)"
    shown = " UNION ".join(
        f"SELECT p.id, p.project_id, {name} AS label FROM {rows} AS p, {each} WHERE {LABELLED}"
        for name, each in (of_boxes, of_picture)
    )
    of_labels = f"SELECT project_id, label, 0, 0, {sign}1, 0, 0 FROM ({shown}) AS shown"
    return f"{totals} UNION ALL {of_labels}"


def _one_if(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


def _summed(changes: str) -> str:
    """Add up changes, ordered so that no two writers wait for each other's rows."""
    sums = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in NUMBERS)
    return (
        f"SELECT project_id, label, {sums} FROM ({changes}) AS changes GROUP BY project_id, label"
        f" HAVING {' OR '.join(f'SUM({name}) <> 0' for name in NUMBERS)}"
        " ORDER BY project_id, label"
    )


def _count(changes: str) -> str:
    added = ", ".join(f"{name} = project_counts.{name} + excluded.{name}" for name in NUMBERS)
    return (
        f"INSERT INTO project_counts ({COLUMNS}) {_summed(changes)}"
        f" ON CONFLICT (project_id, label) DO UPDATE SET {added};"
    )


def _forget(project_ids: str) -> str:
    """Return the statement that deletes what has come to nothing."""
    return (
        "DELETE FROM project_counts WHERE stored = 0 AND pictures = 0"
        f" AND project_id IN ({project_ids});"
    )


def _sqlite_triggers() -> list[str]:
    def of(row: str, sign: str) -> str:
        rows = f"(SELECT {', '.join(f'{row}.{name} AS {name}' for name in COUNTED)})"
        return _changes(rows, sign, is_sqlite=True)

    differ = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in COUNTED)
    moved = f"{of('OLD', '-')} UNION ALL {of('NEW', '+')}"
    forget = _forget("OLD.project_id")
    events = (
        ("insert", "INSERT ON project_pictures", _count(of("NEW", "+"))),
        (
            "update",
            f"UPDATE OF {', '.join(COUNTED)} ON project_pictures WHEN {differ}",
            _count(moved) + forget,
        ),
        ("delete", "DELETE ON project_pictures", _count(of("OLD", "-")) + forget),
    )
    return [
        f"CREATE TRIGGER project_counts_on_{name} AFTER {event} BEGIN {work} END"
        for name, event, work in events
    ]


def _postgresql_triggers() -> list[str]:
    """Of statements, not of rows: thousands of changes of one row are slow in a transaction."""
    new, old = (_changes(f"{age}_rows", sign, False) for age, sign in (("new", "+"), ("old", "-")))
    forget = _forget("SELECT project_id FROM old_rows")
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
        function = f"project_counts_on_{name}()"
        statements += [
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {work} RETURN NULL; END $$",
            f"CREATE TRIGGER project_counts_on_{name} AFTER {name.upper()} ON project_pictures"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {function}",
        ]
    return statements
