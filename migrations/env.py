"""Alembic's environment: db_setup.py hands over a connection, the command `alembic` does not."""

from alembic import context
from sqlalchemy import Connection

import rubberduck.accounts.tables
import rubberduck.custom_models.tables
import rubberduck.named_objects.tables
import rubberduck.videos.tables  # noqa: F401
from rubberduck.core.settings_loading import load_settings
from rubberduck.db.engine import engine_for
from rubberduck.db.tables import metadata


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:
    migrate(context.config.attributes["connection"])
else:
    engine = engine_for(load_settings().database_url)
    with engine.connect() as own:
        migrate(own)
    engine.dispose()
