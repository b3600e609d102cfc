"""What a job says while it runs, as template and values: shown in the site's language."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("sentence", sa.JSON(), nullable=True))
