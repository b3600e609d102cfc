"""Detector versions, takeover of interrupted uploads, renewed retention, keys of each caller."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("engine_version", sa.String(200)),
        sa.Column("worker", sa.String(64)),
        sa.Column("heartbeat_at", sa.DateTime),
        sa.Column("retained_from", sa.DateTime),
    ):
        op.add_column("duck_results", column)
    op.create_table(
        "idempotency_keys",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("result_id", sa.String(64), nullable=False),
        sa.Column("upload_sha256", sa.String(64), nullable=False),
    )
    op.create_index("idempotency_keys_by_result", "idempotency_keys", ["result_id"])
