"""The ID token of a session, with which it is ended at the OpenID provider, too."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("operator_sessions", sa.Column("id_token", sa.Text(), nullable=True))
