"""Lines of a job's log, as template and values: shown in the site's language."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("job_log", sa.Column("sentence", sa.JSON(none_as_null=True), nullable=True))
