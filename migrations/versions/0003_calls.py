"""Billed calls by day and month, the reason for a fallback, and the oldest compatible revision."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("duck_results", sa.Column("instead_because", sa.String(16)))
    # Until now there was no other reason.
    op.execute("UPDATE duck_results SET instead_because = 'failed' WHERE instead_of IS NOT NULL")
    op.create_table(
        "calls",
        sa.Column("engine", sa.String(64), primary_key=True),
        sa.Column("period", sa.String(10), primary_key=True),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("dollars_a_call", sa.Float, nullable=False),
    )
    op.create_table("compatibility", sa.Column("works_from", sa.String(32), primary_key=True))
    op.execute("INSERT INTO compatibility VALUES ('0003')")
