"""Export projects: labels in one of the formats, pictures, or all that is kept of one."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from rubberduck.custom_models.interchange.formats import FORMATS, write
from rubberduck.custom_models.interchange.options import WriteOptions
from rubberduck.custom_models.project_datasets import FileNames, as_dataset
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
from rubberduck.custom_models.project_rows import queries_of
from rubberduck.custom_models.projects import Project
from rubberduck.db.engine import Database
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage

# Where each format expects the pictures, and the name of its file.
PICTURE_FOLDERS = {"yolo": "images", "voc": "JPEGImages"}
FILES = {"manifest": "labels.manifest", "coco": "labels.json", "label-studio": "labels.json"}
EVERYTHING = "everything"  # instead of a format: all that is kept
Show = Callable[[float, str], None]


class Export:
    """What can be taken out of one project."""

    def __init__(self, database: Database, storage: Storage, project: Project) -> None:
        self.database, self.storage, self.project = database, storage, project
        self.pictures = ProjectPictures(database, storage, 0, Quota(0, 0))

    def write_zip(
        self, target: IO[bytes], format: str, with_pictures: bool, show: Show | None = None
    ) -> list[str]:
        """Write a ZIP of the labels, with the originals if asked; return what was lost.

        `format` is one of FORMATS, or EVERYTHING. Raises InvalidDataset, StorageFailed.
        """
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            if format == EVERYTHING:
                self._write_everything(archive)
                notes = self._write_labels(archive, "manifest", with_pictures=True)
                with_pictures = True
            else:
                notes = self._write_labels(archive, format, with_pictures)
            if with_pictures:
                self._write_pictures(archive, PICTURE_FOLDERS.get(format, "images"), show)
        return notes

    def labels_file(
        self, folder: Path, format: str, with_pictures: bool = False
    ) -> tuple[Path, list[str]]:
        """Write the labels in a format into `folder`; return the file or folder, and the losses."""
        target = folder / FILES.get(format, "labels")
        names, prefix = self._naming(format, with_pictures)
        dataset = as_dataset(self.project, self.pictures.each(self.project.id), names)
        report = write(dataset, target, format, WriteOptions(prefix))
        return target, report.lines()

    def _naming(self, format: str, with_pictures: bool) -> Any:
        """Return how a format names the pictures: a manifest by their addresses in the bucket.

        Beside the pictures it names their files, so that they are found when it is imported.
        """
        if format == "manifest" and isinstance(self.storage, S3Storage) and not with_pictures:
            return "keys", f"s3://{self.storage.bucket}/"
        return "files", "s3://bucket/" if format == "manifest" else ""

    def _write_labels(
        self, archive: zipfile.ZipFile, format: str, with_pictures: bool
    ) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            target, notes = self.labels_file(Path(folder), format, with_pictures)
            if not FORMATS[format].is_folder:
                archive.write(target, target.name)
            for path in sorted(target.rglob("*")) if target.is_dir() else ():
                if path.is_file():
                    archive.write(path, path.relative_to(target).as_posix())
        return notes

    def _write_pictures(self, archive: zipfile.ZipFile, folder: str, show: Show | None) -> None:
        names, total = FileNames(), self.pictures.counts(self.project.id).pictures
        for number, picture in enumerate(self.pictures.each(self.project.id)):
            if show:
                show(100 * number / max(1, total), f"{number} of {total} pictures")
            name = f"{folder}/{names.of(picture)}"
            try:
                data = self.storage.get(picture.key)
            except FileNotFoundError:  # deleted in the meantime
                continue
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_STORED)

    def _write_everything(self, archive: zipfile.ZipFile) -> None:
        """Write all rows of the project as JSON, and the files of its model versions."""
        queries = queries_of(self.database, self.project)
        rows = {name: self._rows(query) for name, query in queries.items()}
        for name, content in ({"project": [as_json(self.project)]} | rows).items():
            with archive.open(f"{name}.jsonl", "w") as file:
                for line in content:
                    file.write(json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n")
        for version in self._rows(queries["versions"]):
            if key := version["file_key"]:
                archive.writestr(f"models/{version['number']}.onnx", self.storage.get(key))

    def _rows(self, query: Any) -> Iterator[dict[str, Any]]:
        with self.database.transaction() as connection:
            for row in connection.execute(query).mappings():
                yield {name: _plain(value) for name, value in row.items()}


def as_json(project: Project) -> dict[str, Any]:
    """Return a project as JSON can hold it."""
    labels = [{"id": each.id, "name": each.name} for each in project.labels]
    fields = ("id", "name", "kind", "question", "created_at", "created_by", "keep_days", "arn")
    return {name: _plain(getattr(project, name)) for name in fields} | {"labels": labels}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value
