"""Check a project by Custom Labels' rules, before a cent is spent on a training."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rubberduck.custom_models.checks import Check, check_lines, check_parts
from rubberduck.custom_models.dataset import Report
from rubberduck.custom_models.interchange import manifest
from rubberduck.custom_models.interchange.options import WriteOptions, to_write
from rubberduck.custom_models.project_datasets import as_picture
from rubberduck.custom_models.project_pictures import ProjectPicture
from rubberduck.custom_models.projects import Project
from rubberduck.storage.base import Storage
from rubberduck.storage.s3 import S3Storage


@dataclass(frozen=True)
class ProjectCheck:
    """The rules that are broken, and what no rule of the service says."""

    check: Check
    unused_labels: tuple[str, ...] = ()
    no_test: bool = False
    nothing: int = 0  # pictures with nothing in them: the service ignores them
    lines: int = 0  # of both manifests, and those of them that would be dropped silently
    dropped: int = 0

    @property
    def is_ok(self) -> bool:
        return self.check.is_ok and not self.unused_labels and not self.no_test


def check_project(
    project: Project, pictures: Sequence[ProjectPicture], storage: Storage
) -> ProjectCheck:
    """Check labelled pictures as the manifests that they would become.

    Those of the side `test` are the test set, if there are any; all others are trained with.
    """
    prefix = f"s3://{storage.bucket if isinstance(storage, S3Storage) else 'bucket'}/"
    tested = [each for each in pictures if each.split == "test"]
    trained = [each for each in pictures if each.split != "test"]
    train = check_lines(manifest_lines(project, trained, prefix))
    test = check_lines(manifest_lines(project, tested, prefix)) if tested else None
    parts = [train, test] if test else [train]
    lines, dropped = sum(part.total for part in parts), sum(part.dropped for part in parts)
    used = {box.label for each in pictures for box in each.boxes}
    used |= {label for each in pictures for label in each.labels}
    return ProjectCheck(
        check_parts(train, test),
        tuple(label.name for label in project.labels if label.id not in used),
        no_test=bool(pictures) and not tested and any(each.split for each in pictures),
        nothing=sum(each.is_empty for each in pictures),
        lines=lines,
        dropped=dropped,
    )


def manifest_lines(
    project: Project, pictures: Iterable[ProjectPicture], prefix: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the manifest's line of each picture; `prefix` goes before keys."""
    numbers: dict[str, int] = {}
    options = WriteOptions(prefix)
    for picture in pictures:
        given = to_write(as_picture(project, picture, picture.key), options)
        entry = manifest.entry(given, numbers, Path("manifest"), Report())
        yield picture.file_name, json.dumps(entry).encode()
