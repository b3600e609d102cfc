"""The table of results. Columns that the original site had keep its names."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "duck_results",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("question", sa.String(200), nullable=False),
        sa.Column("s3_key", sa.String(200), nullable=False),
        sa.Column("marked_key", sa.String(200)),
        sa.Column("said", sa.String(200)),
        sa.Column("min_confidence", sa.Float),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("several_frames", sa.Boolean),
        sa.Column("duck_found", sa.Boolean),
        sa.Column("confidence_score", sa.Float),
        sa.Column("bounding_box_data", sa.JSON),
        sa.Column("because", sa.JSON),
        sa.Column("missing", sa.JSON),
        sa.Column("labels", sa.JSON),
        sa.Column("engine", sa.String(64)),
        sa.Column("instead_of", sa.String(64)),
    )
