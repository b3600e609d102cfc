"""Imports into projects, as jobs: a ZIP of pictures or of a data set, a file of labels, S3 objects.

What was imported stays when a job fails or is cancelled; when it runs again, pictures that are
there already are found by their SHA-256 and skipped.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError, Unavailable
from rubberduck.core.file_names import PICTURE_SUFFIXES
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.dataset import InvalidDataset, Picture, Report
from rubberduck.custom_models.errors import InvalidArchive, NoSuchProject, ProjectFull
from rubberduck.custom_models.interchange.archive import Limits, is_zip, unpack
from rubberduck.custom_models.interchange.formats import (
    FORMATS,
    contents_of,
    has_labels,
    opened,
    recognise,
)
from rubberduck.custom_models.interchange.options import ReadOptions
from rubberduck.custom_models.originals import most_bytes
from rubberduck.custom_models.pictures import wanted_files
from rubberduck.custom_models.project_datasets import Importer, fitted
from rubberduck.custom_models.project_keys import OWN_PREFIXES
from rubberduck.custom_models.project_pictures import (
    Added,
    Duplicate,
    ProjectPicture,
    ProjectPictures,
    Quota,
    Source,
    Upload,
    clean_file_name,
)
from rubberduck.custom_models.projects import Projects
from rubberduck.jobs.registry import job
from rubberduck.services.import_counts import log_counts, refusal, require_some
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context

NOT_HERE = Sentence(
    "the picture is neither in the file nor in the project: add it first, under this name"
)
NOT_IN_ZIP = Sentence(
    "the picture is not among those of the ZIP: pack it with them, or send the labels alone for "
    "pictures of the project"
)
OTHER_SIZE = Sentence(
    "the picture has {width} × {height} pixels in the file and {own_width} × {own_height} in the "
    "project, so these labels belong to another picture: correct the size, or send the labels in "
    "a ZIP with the pictures that were labelled"
)
NO_OBJECT = Sentence(
    "there is no such object in the bucket: put it back, or remove it from the file of labels"
)
MAX_LOGGED = 200  # refused pictures with their reasons; all are counted
# Errors after which the next picture would fail, too.
LASTING = (Unavailable, ProjectFull, NoSuchProject)


@dataclass(frozen=True)
class Options:
    """How to import; stored with the job.

    `folders`: the folder of a picture is its label (of whole pictures). `near`: near duplicates are
    added, too. `shrink`: pictures over Custom Labels' limits are shrunk.
    """

    quota_pictures: int
    quota_bytes: int
    folders: bool = False
    near: bool = False
    shrink: bool = False
    format: str | None = None


@job("import-pictures", needs_disk=True)
def import_pictures(
    context: "Context", project_id: str, operator_id: str, key: str, options: Mapping[str, Any]
) -> Any:
    counts = context.step("import", import_file, project_id, operator_id, key, options)
    context.step("delete", delete_file, key)  # now that nobody reads it again
    return counts


@job("import-s3")
def import_s3(
    context: "Context", project_id: str, operator_id: str, address: str, options: Mapping[str, Any]
) -> Any:
    counts: Counter[str] = Counter()
    token: str | None = None
    while True:
        page = context.step("page", import_page, [project_id, operator_id], address, options, token)
        counts.update(page["counts"])
        if (token := page["next"]) is None:
            break
    if not counts:
        raise InvalidArchive(
            "No picture was found at {address}, so nothing was imported. Check the bucket and the "
            "prefix.",
            address=address,
        )
    require_some(counts)
    return dict(counts)


def import_file(
    task: "Task", project_id: str, operator_id: str, key: str, options: Mapping[str, Any]
) -> dict[str, int]:
    """Import a ZIP or a file of labels from the storage."""
    storage: Storage = task.site.storage
    running = _Import.of(task, project_id, operator_id, Options(**options))
    with tempfile.TemporaryDirectory() as folder:
        file, files = Path(folder) / PurePosixPath(key).name, Path(folder) / "files"
        try:
            storage.fetch(key, file)
        except FileNotFoundError:
            raise InvalidArchive("The file that was sent is not there any more.") from None
        try:
            if is_zip(file):
                files.mkdir()
                unpack(file, files, Limits(total=running.options.quota_bytes))
                file.unlink()
                running.import_folder(files)
            else:
                running.import_dataset(file, running.options.format or recognise(file), None)
        except InvalidDataset as error:
            where = ", ".join(filter(None, (_name_within(files, error.file), error.place)))
            raise InvalidArchive(
                "{where}: {problem}. {advice}.",
                where=where,
                # Its own text, or a library's, may hold the whole path.
                problem=error.problem.replace(f"{files}/", "").replace(f"{folder}/", ""),
                advice=error.advice,
            ) from error
    counts = running.finish()
    require_some(counts)
    return counts


def _name_within(folder: Path, file: str) -> str:
    """Return the name of a file that a ZIP held, or else the one that was sent."""
    path = Path(file)
    if path != folder and path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return "The file"


def delete_file(task: "Task", key: str) -> None:
    """Delete the file that was imported."""
    task.site.storage.delete(key)


def import_page(
    task: "Task",
    ids: list[str],
    address: str,
    options: Mapping[str, Any],
    token: str | None,
) -> dict[str, Any]:
    """Import up to 1,000 objects of a bucket; return the counts, and the token of the next ones."""
    storage = task.site.storage
    if not isinstance(storage, S3Storage):
        raise InvalidArchive("This site stores pictures in a folder, so it cannot read buckets.")
    running = _Import.of(task, ids[0], ids[1], Options(**options))
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    keys, token = storage.list_keys(bucket, prefix, token)
    for number, key in enumerate(keys):
        running.show(100 * number / len(keys))
        is_own = bucket == storage.bucket and key.startswith(OWN_PREFIXES)
        if is_own or PurePosixPath(key).suffix.lower() not in PICTURE_SUFFIXES:
            continue
        most = most_bytes(running.pictures.max_bytes, shrink=running.options.shrink)
        try:
            data = storage.get_from(bucket, key, most)
        except FileNotFoundError:  # deleted since it was listed
            continue
        running.add(data, key.removeprefix(prefix).lstrip("/") or key, "s3")
    return {"counts": running.finish(), "next": token}


@dataclass
class _Import:
    """One run of an import into one project."""

    task: "Task"
    projects: Projects
    pictures: ProjectPictures
    importer: Importer
    options: Options
    counts: Counter[str] = field(default_factory=Counter)
    report: Report = field(default_factory=Report)

    @classmethod
    def of(cls, task: "Task", project_id: str, operator_id: str, options: Options) -> "_Import":
        site = task.site
        database, projects = site.results.database, Projects(site.results.database)
        limit = site.storage_limits.site
        quota = Quota(options.quota_pictures, options.quota_bytes, limit)
        pictures = ProjectPictures(database, site.storage, site.max_bytes, quota)
        importer = Importer(database, projects.get(project_id), operator_id)
        return cls(task, projects, pictures, importer, options)

    def import_folder(self, folder: Path) -> None:
        """Import what a ZIP held: a data set if it is one, otherwise its pictures."""
        inner = contents_of(folder)
        try:
            format = self.options.format or recognise(inner)
        except InvalidDataset:
            self._import_plain(folder)
        else:
            self.import_dataset(inner, format, folder)

    def _import_plain(self, folder: Path) -> None:
        pictures, files = _pictures_in(folder), wanted_files(folder)
        if labels := next(filter(has_labels, files), None):
            raise InvalidArchive(
                "{file} looks like labels, but not in a format and layout that we can read, so "
                "nothing was imported. We read {formats}; YOLO needs its file of names. Export "
                "it again as one of these, or leave that file out to import the pictures alone.",
                file=labels.relative_to(folder).as_posix(),
                formats=", ".join(format.title for format in FORMATS.values()),
            )
        for path in files:
            if path.suffix.lower() not in PICTURE_SUFFIXES:
                self.report.note("not a picture: left out", path.name)
        if not pictures:
            raise InvalidArchive(
                "It holds neither pictures nor a data set that we can read. Pack JPEG or PNG "
                "pictures, or a data set with its pictures."
            )
        for number, path in enumerate(pictures):
            self.show(100 * number / len(pictures))
            self.add(path.read_bytes(), path.relative_to(folder).as_posix(), "archive")

    def import_dataset(self, path: Path, format: str, folder: Path | None) -> None:
        """Import a data set; pictures that it does not hold are found in the project, by name."""
        by_name, unnamed = None, {each.resolve(): each for each in _pictures_in(folder)}
        if not unnamed:
            by_name = _by_name(self.pictures.each(self.importer.project.id))
        with opened(path, format, ReadOptions(pictures=folder)) as dataset:
            for given in dataset.pictures:
                if given.file:
                    unnamed.pop(given.file.resolve(), None)
                self._import_entry(given, by_name)
                self.show(50, Sentence("Entries read: {number}", number=sum(self.counts.values())))
            for file in unnamed.values():
                self._import_unnamed(file.relative_to(folder or path).as_posix(), file, format)
            if not self.counts and not dataset.labels:
                raise InvalidArchive(
                    "It names no picture and no label, so nothing was imported. Export it "
                    "again, and look into it before you send it."
                )
            self._ensure_labels(dataset.labels)
            for what, count in dataset.report.counts.items():
                self.report.note(what, dataset.report.places[what], count)

    def _import_entry(self, given: Picture, by_name: Mapping[str, ProjectPicture] | None) -> None:
        """Import an entry; `by_name` are the project's pictures, if it may be one of them."""
        file = given.file
        data, reason = (file.read_bytes(), "") if file else self._from_bucket(given.name)
        if data is not None:
            stored = self.add(data, given.name, "archive", given)
        elif (stored := _named(given, by_name or {})) is None:
            is_lacking = reason == NOT_HERE and by_name is None
            self._refuse(given.name, NOT_IN_ZIP if is_lacking else reason)
        if stored is None:
            return
        if (fitting := fitted(given, stored)) is None:
            own = {"own_width": stored.width, "own_height": stored.height}
            reason = OTHER_SIZE.fill(width=given.width, height=given.height, **own)
            self._refuse(given.name, reason)
            return
        self._ensure_labels(self.importer.labels_in([fitting]))
        self.counts["labelled"] += self.importer.annotate(stored, fitting, self.report)

    def _import_unnamed(self, name: str, file: Path, format: str) -> None:
        """Import a picture that no label names as not labelled, as the reader of VOC does."""
        if format == "voc":  # its masks lie beside JPEGImages
            self.report.note("a picture outside JPEGImages is left out", name)
            return
        self.report.note("a picture that the labels do not name is not labelled yet", name)
        self._import_entry(Picture(name, labelled=False, file=file), None)
        self.show(50, Sentence("Entries read: {number}", number=sum(self.counts.values())))

    def _from_bucket(self, name: str) -> tuple[bytes | None, str]:
        """Return the object that an s3:// address names, or None and why it cannot be had."""
        storage = self.pictures.storage
        if not name.startswith("s3://") or not isinstance(storage, S3Storage):
            return None, NOT_HERE
        bucket, _, key = name.removeprefix("s3://").partition("/")
        if bucket == storage.bucket and key.startswith(OWN_PREFIXES):
            return None, NOT_HERE  # its name is an id of ours
        try:
            return storage.get_from(bucket, key, self.pictures.max_bytes), ""
        except FileNotFoundError:
            return None, NO_OBJECT
        except Unavailable as error:
            return None, error.operator_message

    def _ensure_labels(self, names: Any) -> None:
        if new := [name for name in dict.fromkeys(names) if not self.importer.label_id(name)]:
            project = self.projects.add_labels(self.importer.project.id, new)
            self.importer.project = project
            self.importer.ids = {label.name: label.id for label in project.labels}

    def add(
        self, data: bytes, name: str, source: Source, given: Picture | None = None
    ) -> ProjectPicture | None:
        """Add a picture; return it, or the one that it is a duplicate of, or None if refused."""
        upload = Upload(
            data,
            name,
            source,
            self.importer.operator_id,
            group_name=given.group if given else None,
            split=given.split if given else None,
            shrink=self.options.shrink and given is None,  # boxes are pixels
            near_is_fine=self.options.near or given is not None,
        )
        try:
            outcome = self.pictures.add(self.importer.project, upload)
        except LASTING:
            self.finish()
            raise
        except DuckError as error:
            self._refuse(name, refusal(error))
            return None
        if isinstance(outcome, Duplicate):
            self.counts["duplicates" if outcome.is_exact else "near"] += 1
            if not outcome.is_exact:
                self.task.log(
                    Sentence(
                        "{file_name}: looks like {other}, so it is left out.",
                        file_name=name,
                        other=outcome.picture.file_name,
                    )
                )
                return None
        else:
            self.counts["added"] += 1
            self._note(outcome)
        folder = PurePosixPath(name).parent.name
        if given is None and self.options.folders and folder:
            if self.importer.project.kind == "pictures":
                self._ensure_labels([folder])
                labelled = Picture(name, labels=(folder,))
                done = self.importer.annotate(outcome.picture, labelled, self.report)
                self.counts["labelled"] += done
            else:
                self.report.note("a folder is no label here: this project has boxes", name)
        return outcome.picture

    def _note(self, added: Added) -> None:
        for change in added.changes:
            self.report.note(change, added.picture.file_name)

    def _refuse(self, name: str, reason: str) -> None:
        self.counts["refused"] += 1
        if self.counts["refused"] <= MAX_LOGGED:
            self.task.log(Sentence("{file_name}: {reason}", file_name=name, reason=reason))

    def show(self, percent: float, sentence: str = "") -> None:
        self.task.progress(
            percent, sentence or Sentence("Pictures added: {number}", number=self.counts["added"])
        )

    def finish(self) -> dict[str, int]:
        """Write the summary into the job's log; return the counts."""
        for line in self.report.lines():
            self.task.log(line)
        log_counts(self.task, self.counts)
        self.show(100)
        return dict(self.counts)


def _pictures_in(folder: Path | None) -> list[Path]:
    files = wanted_files(folder) if folder else []
    return [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]


def _by_name(pictures: Iterator[ProjectPicture]) -> dict[str, ProjectPicture]:
    """Return the pictures by file name and by the name of their object, unless two have it."""
    found: dict[str, ProjectPicture | None] = {}
    for picture in pictures:
        for name in {picture.file_name, PurePosixPath(picture.key).name}:
            found[name] = None if name in found else picture
    return {name: picture for name, picture in found.items() if picture}


def _named(given: Picture, by_name: Mapping[str, ProjectPicture]) -> ProjectPicture | None:
    names = map(clean_file_name, (given.name, *given.other_names))
    return next((by_name[name] for name in names if name in by_name), None)
