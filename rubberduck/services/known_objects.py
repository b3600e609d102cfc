"""Whether any object has a name, as this process last saw it, without importing named_objects.

The first page offers the question only then; it never waits for the database.
"""

import logging
import sys
import threading
import time

from rubberduck.core.errors import DuckError
from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)
FRESH_SECONDS = 5.0
DATABASE_MODULE = "rubberduck.db.engine"


class KnownObjects:
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._exist = False
        self._read_at = float("-inf")
        self._is_reading = threading.Lock()

    def exist(self) -> bool:
        """Return whether there are named objects, without waiting for the database."""
        if DATABASE_MODULE not in sys.modules:
            return False  # the first pages are shown before SQLAlchemy is loaded
        is_stale = time.monotonic() - self._read_at > FRESH_SECONDS
        if is_stale and self._is_reading.acquire(blocking=False):
            threading.Thread(target=self._read, daemon=True).start()
        return self._exist

    def _read(self) -> None:
        from rubberduck.db.named_objects import has_named_objects

        try:
            self._read_at = time.monotonic()
            self._exist = has_named_objects(self.pipeline.results.database)
        except DuckError as error:
            log.warning("named objects not counted cause=%s", error.operator_message)
        finally:
            self._is_reading.release()
