"""Which API key made an API key: it is revoked with that one."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("made_with", sa.String(length=16), nullable=True))
