"""Owner, feedback and upload hash of a result; daily counts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("owner", sa.String(64)),
        sa.Column("upload_sha256", sa.String(64)),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("judged_right", sa.Boolean),
    ):
        op.add_column("duck_results", column)
    op.create_index("duck_results_by_owner", "duck_results", ["owner", "created_at", "id"])
    op.create_index("duck_results_by_upload", "duck_results", ["upload_sha256"])
    op.create_index("duck_results_by_age", "duck_results", ["status", "created_at"])
    op.create_index("duck_results_by_key", "duck_results", ["idempotency_key"], unique=True)
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("question", sa.String(200), primary_key=True),
        sa.Column("engine", sa.String(64), primary_key=True),
        sa.Column("score_band", sa.Integer, primary_key=True),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("judged_right", sa.Integer, nullable=False),
        sa.Column("judged_wrong", sa.Integer, nullable=False),
    )
