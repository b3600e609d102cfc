"""Leases for what one process does for all, restored databases, and files without their end."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("duck_results", sa.Column("is_truncated", sa.Boolean))
    op.create_table(
        "leases",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("free_at", sa.DateTime, nullable=False),
        sa.Column("outcome", sa.String(200)),
    )
    op.create_table(
        "database_identity",
        sa.Column("only_row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.String(200), nullable=False),
        sa.Column("restored_at", sa.DateTime),
    )
