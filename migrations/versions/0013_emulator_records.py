"""What only the emulator knows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "emulator_records",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.create_index("emulator_records_by_project", "emulator_records", ["project_id"], unique=False)
    op.create_index("emulator_records_by_expiry", "emulator_records", ["expires_at"], unique=False)
