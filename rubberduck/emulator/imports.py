"""Take the lines of a manifest into a project, as the service takes them into a data set.

A line whose picture the project has, by its source-ref, replaces what was said of the picture.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError, Unavailable
from rubberduck.custom_models.annotations import Annotation
from rubberduck.custom_models.check_line import Line, check_line
from rubberduck.custom_models.dataset import Box, InvalidDataset, Picture, Report
from rubberduck.custom_models.errors import NoSuchProject, ProjectFull
from rubberduck.custom_models.interchange.manifest import lines, parse_line, picture_from_line
from rubberduck.custom_models.labelling import Labelling
from rubberduck.custom_models.project_pictures import (
    ProjectPicture,
    ProjectPictures,
    Quota,
    Upload,
)
from rubberduck.custom_models.project_sides import set_sides
from rubberduck.custom_models.projects import Kind, Project, Projects
from rubberduck.custom_models.rules import RULES
from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.db.engine import Database
from rubberduck.emulator.datasets import DATASET, SIDES, record_name
from rubberduck.emulator.entries import FAULTY, SOURCE_REF, faulty_name
from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.objects import FOLDER_BUCKET, Objects
from rubberduck.emulator.site import OPERATOR

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.services.pipeline import Pipeline

MAX_MANIFEST = 1024 * 1024 * 1024
MAX_BAD_SHARE = 0.2
LASTING = (Unavailable, ProjectFull, NoSuchProject)  # the next line would fail, too
TOO_MANY_BAD = "ERROR_TOO_MANY_RECORDS_IN_ERROR: more than 20 % of the lines have errors"


def set_outcome(database: Database, project_id: str, side: str, outcome: str, message: str) -> None:
    """Write how the work on a data set ended, unless the data set is gone."""
    records, name = EmulatorRecords(database), record_name(project_id, side)
    if record := records.get(DATASET, name):
        ended = {**record, "outcome": outcome, "message": message}
        records.put(DATASET, name, ended, project_id=project_id)


@dataclass
class EntryImport:
    """One run into one side of a project."""

    task: "Task"
    pipeline: "Pipeline"
    project: Project
    side: str
    objects: Objects
    pictures: ProjectPictures
    by_ref: dict[str, str] = field(default_factory=dict)  # ids of pictures
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, task: "Task", project_id: str, side: str, limits: dict[str, Any]) -> "EntryImport":
        pipeline: Pipeline = task.site
        database = pipeline.results.database
        quota = Quota(limits["pictures"], limits["bytes"], pipeline.storage_limits.site)
        pictures = ProjectPictures(database, pipeline.storage, pipeline.max_bytes, quota)
        project = Projects(database).get(project_id)
        known = EmulatorRecords(database).of_project(SOURCE_REF, project_id)
        by_ref = {record["ref"]: name for name, record in known.items()}
        bucket = getattr(pipeline.storage, "bucket", FOLDER_BUCKET)
        by_ref |= {f"s3://{bucket}/{each.key}": each.id for each in pictures.each(project_id)}
        objects = Objects(pipeline, limits["buckets"])
        return cls(task, pipeline, project, side, objects, pictures, by_ref)

    def run(self, source: dict[str, Any]) -> dict[str, int]:
        """Take all lines; write the outcome; return the counts."""
        for number, line in enumerate(self._lines(source), 1):
            self.counts["lines"] += 1
            self._take(line)
            self.task.progress(50, f"Lines read: {number:,}")
        if key := source.get("key"):
            self.pipeline.storage.delete(key)
        outcome, message = "COMPLETE", "The dataset is ready."
        if not self.counts["lines"]:
            outcome, message = "FAILED", "ERROR_EMPTY_MANIFEST: the manifest has no lines"
        elif self.counts["bad"] > MAX_BAD_SHARE * self.counts["lines"]:
            outcome, message = "FAILED", TOO_MANY_BAD
        set_outcome(self.database, self.project.id, self.side, outcome, message)
        return dict(self.counts)

    @property
    def database(self) -> Database:
        return self.pipeline.results.database

    def _lines(self, source: dict[str, Any]) -> Iterator[bytes]:
        if "project" in source:
            yield from self._lines_of_dataset(source["project"], source["side"])
            return
        if "key" in source:
            data = self.pipeline.storage.get(source["key"])
        else:
            bucket, name, version = source["object"]
            data = self.objects.read(bucket, name, MAX_MANIFEST, version)
        for _, line in lines(BytesIO(data)):
            yield line

    def _lines_of_dataset(self, project_id: str, side: str) -> Iterator[bytes]:
        from rubberduck.custom_models.interchange.manifest import entry
        from rubberduck.custom_models.project_datasets import as_picture

        project = Projects(self.database).get(project_id)
        known = EmulatorRecords(self.database).of_project(SOURCE_REF, project_id)
        bucket = getattr(self.pipeline.storage, "bucket", FOLDER_BUCKET)
        for picture in self.pictures.each(project_id):
            if (picture.split == "test") == (side == "TEST"):
                record = known.get(picture.id)
                ref = record["ref"] if record else f"s3://{bucket}/{picture.key}"
                line = entry(as_picture(project, picture, ref), {}, ref, Report())
                yield json.dumps(line).encode()

    def _take(self, data: bytes) -> None:
        line = check_line(data)
        if line.source is None:
            self.counts["bad"] += 1  # the service drops it without a word
            return
        if line.is_bad:
            self._refuse(line, data, [fault for fault in line.faults if _is_error(fault[0])])
            return
        try:
            given = picture_from_line(Path("manifest"), "", data, Report())
            picture = self._picture(line.source)
            self._annotate(picture, given)
        except LASTING:
            raise
        except (DuckError, ServiceError, InvalidDataset) as error:
            self._refuse(line, data, [("ERROR_INVALID_IMAGE", str(error))])
            return
        side = SIDES[self.side]
        if picture.split != side and (self.side == "TEST" or picture.split == "test"):
            set_sides(self.database, self.project.id, [picture.id], side)
        records = EmulatorRecords(self.database)
        records.put(SOURCE_REF, picture.id, {"ref": line.source}, project_id=self.project.id)
        records.delete(FAULTY, faulty_name(self.project.id, line.source))
        self.by_ref[line.source] = picture.id
        self.counts["taken"] += 1

    def _refuse(self, line: Line, data: bytes, faults: list[tuple[str, str]]) -> None:
        """Keep the line with its errors, as the service lists it."""
        self.counts["bad"] += 1
        assert line.source
        errors = [{"code": code, "message": details[:300]} for code, details in faults]
        record = {"side": self.side, "line": parse_line(data), "errors": errors}
        name = faulty_name(self.project.id, line.source)
        EmulatorRecords(self.database).put(FAULTY, name, record, project_id=self.project.id)

    def _picture(self, ref: str) -> ProjectPicture:
        """Return the picture of a source-ref, fetched if the project does not have it."""
        known = self.pictures.find(self.project.id, [self.by_ref.get(ref, "")])
        if known:
            return known[0]
        bucket, _, key = ref.removeprefix("s3://").partition("/")
        data = self.objects.read(bucket, key, self.pictures.max_bytes)
        split = SIDES[self.side] if self.side == "TEST" else None
        upload = Upload(data, key, "s3", OPERATOR, split=split, near_is_fine=True)
        return self.pictures.add(self.project, upload).picture

    def _annotate(self, picture: ProjectPicture, given: Picture) -> None:
        if not given.labelled:
            return
        kind: Kind = "boxes" if given.boxes or not given.labels else "pictures"
        if kind != self.project.kind and not self.counts["taken"] and not given.is_empty:
            self.project = Projects(self.database).set_kind(self.project.id, kind)
        names = [*(box.label for box in given.boxes), *given.labels]
        if new := set(names) - set(self.project.label_names.values()):
            added = [name for name in dict.fromkeys(names) if name in new]
            self.project = Projects(self.database).add_labels(self.project.id, added)
        ids = {label.name: label.id for label in self.project.labels}
        boxes = [box.clipped(picture.width, picture.height) for box in given.boxes]
        annotation = Annotation(
            tuple(
                Box(ids[box.label], box.left, box.top, box.width, box.height)
                for box in boxes
                if box and self.project.kind == "boxes"
            ),
            tuple(ids[name] for name in given.labels if self.project.kind == "pictures"),
        )
        labelling = Labelling(self.database, self.project, OPERATOR, sees_truth=True)
        current = self.pictures.get(self.project.id, picture.id)
        labelling.save(picture.id, current.revision, annotation)


def _is_error(code: str) -> bool:
    return code in RULES and code.startswith("ERROR")
