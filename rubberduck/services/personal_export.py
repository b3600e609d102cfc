"""Export all that is kept of a visitor or of an operator, as a ZIP of rows and files."""

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# Each adds its tables to those that are looked through.
import rubberduck.accounts.tables
import rubberduck.custom_models.tables
import rubberduck.named_objects.tables
import rubberduck.videos.tables  # noqa: F401
from rubberduck.core.errors import NoSuchResult
from rubberduck.db.engine import Database
from rubberduck.db.personal_columns import Row
from rubberduck.db.personal_rows import owner_of, rows_of
from rubberduck.storage.base import Storage

ID_RE = re.compile(r"[\w-]{16,64}", re.ASCII)
NOT_OURS = "s3://"  # a video that is analysed where it lies, in somebody's bucket


@dataclass(frozen=True)
class Exported:
    """How much an export holds."""

    rows: int
    files: int


def visitor_at(database: Database, address: str) -> str:
    """Return the visitor whose result or video has this address, or id. Raises NoSuchResult."""
    for id in reversed(ID_RE.findall(address)):  # a host or a folder before it may look like one
        with suppress(NoSuchResult):
            return owner_of(database, id)
    raise NoSuchResult


def export_person(target: IO[bytes], database: Database, storage: Storage, person: str) -> Exported:
    """Write `rows/TABLE.jsonl` for each table, and `files/KEY` for the visitor's stored files.

    `person` is the id of a visitor or of an operator. The pictures of an operator's projects
    belong to the projects, which are exported one by one. Raises ResultsUnavailable,
    StorageFailed.
    """
    tables: dict[str, Path] = {}
    keys: dict[str, None] = {}
    rows = files = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        with ExitStack() as stack:
            opened: dict[str, IO[str]] = {}
            for table, row in rows_of(database, person):
                if table not in opened:
                    tables[table] = Path(folder, f"{table}.jsonl")
                    opened[table] = stack.enter_context(tables[table].open("w"))
                opened[table].write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                keys |= dict.fromkeys(_keys(row, person))
                rows += 1
        for _, path in sorted(tables.items()):
            archive.write(path, f"rows/{path.name}")
        for key in keys:
            fetched = Path(folder, "file")
            with suppress(FileNotFoundError):  # deleted in the meantime, or not stored yet
                storage.fetch(key, fetched)
                archive.write(fetched, f"files/{key}", zipfile.ZIP_STORED)
                files += 1
    return Exported(rows, files)


def _keys(row: Row, person: str) -> Iterator[str]:
    """Yield the keys of the objects that belong to the visitor."""
    if row.get("owner") != person:
        return
    for name, value in row.items():
        is_key = name == "key" or name.endswith("_key")
        if is_key and name != "idempotency_key" and value and not value.startswith(NOT_OURS):
            yield value
