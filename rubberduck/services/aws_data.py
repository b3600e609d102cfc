"""What Custom Labels trains with: a project's labelled pictures as manifests, and its data sets.

The pictures are in the bucket already, under the keys of the storage, so nothing is copied. The
manifests are kept beside them in parts of one UpdateDatasetEntries each: what a training was
begun with does not change while it is filled in.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rubberduck.aws.custom_labels import chunks
from rubberduck.custom_models import rules
from rubberduck.custom_models.checks import Finding, check_dataset
from rubberduck.custom_models.dataset import Picture, Report
from rubberduck.custom_models.interchange import manifest
from rubberduck.custom_models.project_datasets import as_picture
from rubberduck.custom_models.project_pictures import picture_from_row
from rubberduck.custom_models.project_sides import plan_sides
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.version_errors import CannotTrain
from rubberduck.db.engine import Database
from rubberduck.db.tables import READY
from rubberduck.storage.base import Storage

row = project_pictures.c
JSON_LINES = "application/jsonlines"
TRAIN, TEST = "TRAIN", "TEST"
# The service knows two sides: what would choose our thresholds is trained with.
KIND_OF_SIDE = {"train": TRAIN, "validation": TRAIN, "test": TEST}
# Effects that keep a training from starting. Pictures with nothing in them are only ignored.
FATAL = (rules.FAILS, rules.ERROR, rules.DROPPED)


@dataclass(frozen=True)
class Chosen:
    """The pictures that show a label, named by the storage's keys, and all sides by picture."""

    pictures: Mapping[str, Picture]  # by id
    sides: Mapping[str, str]

    @property
    def splits(self) -> dict[str, str]:
        """Return the side of each picture that is trained or tested with."""
        return {id: self.sides[id] for id in self.pictures}


def choose(database: Database, project: Project, seed: int) -> Chosen:
    """Return what a training now would use. Pictures that have a side keep it.

    Pictures with nothing in them are left out: the service ignores them.
    """
    mine = project_pictures.select().where(
        row.project_id == project.id, row.status == READY, row.revision > 0
    )
    with database.transaction() as connection:
        found = connection.execute(mine.order_by(row.created_at, row.id)).mappings().all()
    labelled = [picture_from_row(each) for each in found]
    sides = {id: side for id, (side, _) in plan_sides(labelled, seed, again=False).items()}
    pictures = {each.id: _inside(as_picture(project, each, each.key)) for each in labelled}
    of_boxes = project.kind == "boxes"
    shown = {id: p for id, p in pictures.items() if (p.boxes if of_boxes else p.labels)}
    return Chosen(shown, sides)


def _inside(picture: Picture) -> Picture:
    """Return the picture with its boxes cut off at its edges."""
    assert picture.width
    assert picture.height
    clipped = (box.clipped(picture.width, picture.height) for box in picture.boxes)
    return replace(picture, boxes=tuple(filter(None, clipped)))


def folder_of(project_id: str, version_id: str) -> str:
    """Return the key below which the manifests and the service's reports of a training lie."""
    return f"projects/{project_id}/training/{version_id}"


def lines_by_kind(chosen: Chosen, bucket: str, *, distribute: bool = False) -> dict[str, list[str]]:
    """Return the manifest's lines for TRAIN and TEST; to `distribute`, TRAIN has all of them."""
    lines: dict[str, list[str]] = {TRAIN: [], TEST: []}
    numbers: dict[str, int] = {}
    for id, picture in chosen.pictures.items():
        named = replace(picture, name=f"s3://{bucket}/{picture.name}")
        entry = manifest.entry(named, numbers, "manifest", Report())
        kind = TRAIN if distribute else KIND_OF_SIDE[chosen.sides[id]]
        lines[kind].append(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
    return lines


def require_both_sides(
    chosen: Chosen, bucket: str, *, distribute: bool = False
) -> dict[str, list[str]]:
    """Return the lines, of which there are some to train and to test with. Raises CannotTrain."""
    lines = lines_by_kind(chosen, bucket, distribute=distribute)
    if not lines[TRAIN]:
        raise CannotTrain("No picture to train with shows a label yet: label some first.")
    if not distribute and not lines[TEST]:
        raise CannotTrain(
            "No picture with a label is on the test side: add pictures, or let the service choose."
        )
    return lines


def require_acceptable(lines: dict[str, list[str]]) -> list[Finding]:
    """Check the lines by the service's rules; return what does no harm. Raises CannotTrain."""
    with TemporaryDirectory() as folder:
        files = {kind: Path(folder) / f"{kind.lower()}.manifest" for kind in lines}
        for kind, file in files.items():
            file.write_text("".join(f"{line}\n" for line in lines[kind]), encoding="utf-8")
        test = files[TEST] if lines[TEST] else None
        check = check_dataset(files[TRAIN], test=test, format="manifest")
    for finding in check.findings.values():
        if finding.rule.effect in FATAL:
            place, details = finding.examples[0] if finding.examples else ("", "")
            raise CannotTrain(
                "Amazon Rekognition would refuse these pictures: {means} {advice} ({details})",
                means=finding.rule.means,
                advice=finding.rule.advice,
                details=", ".join(filter(None, (finding.code, place, details))),
            )
    return list(check.findings.values())


def store_parts(storage: Storage, folder: str, lines: dict[str, list[str]]) -> dict[str, int]:
    """Store the lines in parts; return the number of parts of TRAIN and TEST."""
    counts = dict.fromkeys(lines, 0)
    for kind, of_kind in lines.items():
        for number, chunk in enumerate(chunks(of_kind)):
            storage.put(part_key(folder, kind, number), chunk, JSON_LINES)
            counts[kind] = number + 1
    return counts


def part_key(folder: str, kind: str, number: int) -> str:
    return f"{folder}/{kind.lower()}-{number}.manifest"


def explain_errors(entries: Iterable[str], most: int = 5) -> Iterator[str]:
    """Yield the picture and the service's codes of entries with errors, for a job's log."""
    for number, text in enumerate(entries):
        if number == most:
            return
        entry = json.loads(text)
        errors = entry.get("cl-errors") or entry.get("errors") or []
        codes = ", ".join(str(error.get("code")) for error in errors)
        yield f"{entry.get('source-ref')}: {codes or 'an annotation has an error'}"
