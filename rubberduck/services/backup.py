"""Backup and restore of all that cannot be made again, as one tar file.

It holds the SQLite database, the files of instance/ and the pictures of a folder. Of a bucket it
holds a list of the objects with their versions, which a restore checks.
"""

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from rubberduck.core.settings import ROOT, SQLITE, Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from rubberduck.storage.s3 import S3Storage

INSTANCE = ROOT / "instance"
# Pictures, those of projects, models and videos; not what imports and exports leave for a day.
STORED_SUFFIXES = {".jpg", ".png", ".onnx", ".mp4", ".webm"}
WAITING_VIDEO = "original"  # the name of one that is not analysed yet
DATABASE, MANIFEST = "database.db", "manifest.json"


class CannotRestore(Exception):
    """Nothing was changed; the message says why and what to do."""


@dataclass
class Covered:
    """What a backup or a restore covers, and what it does not, in words."""

    done: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def create_backup(file: Path, settings: Settings, pipeline: Pipeline) -> Covered:
    """Write the backup to the new `file`. Raises DuckError, OSError."""
    covered = Covered()
    manifest: dict[str, Any] = {"format": 1, "created_at": datetime.now(UTC).isoformat()}
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".backup-") as folder:
        unfinished = Path(folder) / "backup.tar"
        with tarfile.open(unfinished, "w") as tar:
            os.chmod(unfinished, 0o600)  # it holds the secret key
            # The database first: the pictures of all its rows are then copied after it.
            _add_database(tar, Path(folder) / DATABASE, settings, pipeline, covered)
            names = [_add(tar, path, f"instance/{path.name}") for path in _instance_files(settings)]
            covered.done += [f"{len(names)} files of instance/"] if names else []
            _add_pictures(tar, pipeline.storage, manifest, covered)
            text = json.dumps(manifest).encode()
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(text)
            tar.addfile(info, BytesIO(text))
        os.link(unfinished, file)  # fails if the file exists by now
    covered.left_out.append("settings of the environment and .env; the rate limits' store")
    return covered


def _add_database(
    tar: tarfile.TarFile, copy: Path, settings: Settings, pipeline: Pipeline, covered: Covered
) -> None:
    if not settings.database_url.startswith(SQLITE):
        covered.left_out.append("the PostgreSQL database: use pg_dump and pg_restore")
        return
    pipeline.results.database.back_up(copy)
    tar.add(copy, DATABASE)
    covered.done.append("the database")


def _add_pictures(
    tar: tarfile.TarFile, storage: Storage, manifest: dict[str, Any], covered: Covered
) -> None:
    if isinstance(storage, FolderStorage):
        count = 0
        for path in sorted(storage.folder.rglob("*")):
            is_stored = path.suffix in STORED_SUFFIXES or path.name == WAITING_VIDEO
            if is_stored and path.is_file():
                with suppress(FileNotFoundError):  # deleted in the meantime
                    _add(tar, path, f"uploads/{path.relative_to(storage.folder).as_posix()}")
                    count += 1
        covered.done.append(f"{count} pictures, models and videos")
    elif isinstance(storage, S3Storage):
        objects = list(storage.object_versions())
        manifest["bucket"], manifest["objects"] = storage.bucket, objects
        covered.done.append(f"a list of {len(objects)} objects of bucket {storage.bucket}")
        covered.left_out.append("the objects themselves: enable versioning or copy the bucket")


def _add(tar: tarfile.TarFile, path: Path, name: str) -> str:
    tar.add(path, name, recursive=False)
    return name


def _instance_files(settings: Settings) -> Iterator[Path]:
    """Yield the files of instance/ other than the databases and what belongs to them.

    Workers make the job engine's own database, jobs.db, again from the rows of the jobs.
    """
    databases = Path(settings.database_url.removeprefix(SQLITE)).name, "jobs.db"
    for path in sorted(INSTANCE.glob("*")):
        if path.is_file() and not path.name.startswith(databases) and ".before-" not in path.name:
            yield path


def restore_backup(file: Path, settings: Settings, storage: Storage) -> Covered:
    """Restore a backup, or a plain copy of the SQLite database. Raises CannotRestore, OSError."""
    # Imported late: commands that do not restore need no SQLAlchemy.
    from rubberduck.db.engine import sqlite_file
    from rubberduck.db.sqlite_files import DatabaseInUse, exclusive

    if not settings.database_url.startswith(SQLITE):
        return _restore_rest(file, storage)
    target = sqlite_file(settings.database_url)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(target):
            covered = _restore_database(file, target)
            if tarfile.is_tarfile(file):
                rest = _restore_rest(file, storage)
                covered.done += rest.done
                covered.left_out += rest.left_out
            return covered
    except DatabaseInUse:
        raise CannotRestore(
            "The site is running, or another command uses the database. Stop it, then try again."
        ) from None


def _restore_database(file: Path, target: Path) -> Covered:
    from rubberduck.db.sqlite_files import (
        RESTORED,
        DamagedDatabase,
        beside,
        check_integrity,
        replace_database,
    )
    from rubberduck.db.tables import SCHEMA

    new = beside(target, ".restoring")
    try:
        _copy_database(file, new)
        revision = check_integrity(new)
        if revision > SCHEMA:
            raise CannotRestore(
                f"The backup is at revision {revision}, newer than this code ({SCHEMA}). "
                "Deploy the version of the site that made it."
            )
        aside = replace_database(new, target)
    except DamagedDatabase as error:
        raise CannotRestore(f"The database in {file} is damaged: {error}.") from None
    finally:
        for suffix in ("", "-wal", "-shm"):
            beside(new, suffix).unlink(missing_ok=True)
    beside(target, RESTORED).touch()
    covered = Covered(["the database"])
    if aside:
        covered.done.append(f"the previous database was kept as {aside}")
    if revision != SCHEMA:
        covered.left_out.append(f"its upgrade from revision {revision}: run `python db_setup.py`")
    return covered


def _copy_database(file: Path, new: Path) -> None:
    """Copy the database out of the backup, or the plain copy itself."""
    from rubberduck.db.sqlite_files import MAGIC

    with file.open("rb") as source, new.open("wb") as out:
        if source.read(len(MAGIC)) == MAGIC:
            source.seek(0)
            shutil.copyfileobj(source, out)
        else:
            try:
                with tarfile.open(file) as tar:
                    shutil.copyfileobj(cast(IO[bytes], tar.extractfile(DATABASE)), out)
            except (tarfile.TarError, KeyError) as error:
                raise CannotRestore(f"{file} is not a backup of this site: {error}.") from None
        out.flush()
        os.fsync(out.fileno())


def _restore_rest(file: Path, storage: Storage) -> Covered:
    """Restore instance/ and the pictures of a folder; check the objects of a bucket."""
    covered, pictures = Covered(), 0
    with tarfile.open(file) as tar:
        for member in tar:
            folder, _, name = member.name.partition("/")
            if not member.isfile():
                continue
            if folder == "instance":
                _extract(tar, member, INSTANCE, name, keep_old=True)
                covered.done.append(f"instance/{name}")
            elif folder == "uploads" and isinstance(storage, FolderStorage):
                _extract(tar, member, storage.folder, name, keep_old=False)
                pictures += 1
        text = tar.extractfile(MANIFEST)
        manifest = json.load(text) if text else {}
    if isinstance(storage, FolderStorage):
        covered.done.append(f"{pictures} pictures, models and videos")
    elif isinstance(storage, S3Storage):
        there = {item["key"] for item in storage.object_versions()}
        missing = [item for item in manifest.get("objects", ()) if item["key"] not in there]
        covered.done.append(f"{len(there)} objects are in bucket {storage.bucket}")
        covered.left_out += [
            f"{item['key']}, version {item['version']}: missing in the bucket" for item in missing
        ]
    return covered


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, name: str, *, keep_old: bool
) -> None:
    """Write one file below `folder`, atomically; with `keep_old`, move a different one aside."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CannotRestore(f"{member.name} in the backup leads out of its folder.")
    source = tar.extractfile(member)
    data = source.read() if source else b""
    path.parent.mkdir(parents=True, exist_ok=True)
    if keep_old and path.exists() and path.read_bytes() != data:
        os.replace(path, path.with_name(f"{path.name}.before-restore-{os.getpid()}"))
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    os.chmod(unfinished, 0o600 if keep_old else member.mode)
    os.utime(unfinished, (member.mtime, member.mtime))
    os.replace(unfinished, path)
