"""What faces look like, of the pictures whose owners asked to keep it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "face_answers",
        sa.Column("result_id", sa.String(64), primary_key=True),
        sa.Column("faces", sa.JSON, nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("engine_version", sa.String(200)),
        sa.Column("fallback_for", sa.String(64)),
        sa.Column("fallback_reason", sa.String(16)),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
