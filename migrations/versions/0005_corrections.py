"""Boxes that visitors drew or corrected, and their number by day."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("result_id", sa.String(64), primary_key=True),
        sa.Column("boxes", sa.JSON, nullable=False),
        sa.Column("consent", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.add_column(
        "daily_counts", sa.Column("corrected", sa.Integer, nullable=False, server_default="0")
    )
