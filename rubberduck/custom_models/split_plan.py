"""Plan the split of a data set's files, show it, and write the parts."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rubberduck.custom_models.dataset import SPLITS, Dataset, InvalidDataset, Picture, Report
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions, open_input
from rubberduck.custom_models.near_duplicates import bursts, difference_hash, near_duplicates
from rubberduck.custom_models.pictures import PictureFolder
from rubberduck.custom_models.splits import SHARES, groups_of, labels_of, split

FILES = {"manifest": "manifest", "coco": "json", "label-studio": "json"}
HEADER = ["name", "split", "group"]


@dataclass
class Plan:
    """Each labelled picture's name, labels, group and split, in the order of the data set."""

    names: list[str] = field(default_factory=list)
    labels: list[frozenset[str]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    not_labelled: int = 0

    def table(self) -> dict[str, Counter[str]]:
        """Return label → split → number of pictures; NOTHING stands for empty pictures."""
        counts: dict[str, Counter[str]] = {}
        for labels, side in zip(self.labels, self.splits, strict=True):
            for label in labels:
                counts.setdefault(label, Counter())[side] += 1
        return counts

    def crossing(self) -> list[int]:
        """Return the groups that are on two sides: none, unless somebody changed the plan."""
        sides: dict[int, set[str]] = {}
        for group, side in zip(self.groups, self.splits, strict=True):
            sides.setdefault(group, set()).add(side)
        return [group for group, found in sides.items() if len(found) > 1]

    def warnings(self) -> list[str]:
        """Return what makes figures of this split doubtful."""
        said = [
            f"{label or 'nothing in it'}: no picture for {' and '.join(missing)}"
            for label, counts in self.table().items()
            if (missing := [name for name in SPLITS if not counts[name]])
        ]
        sizes = Counter(self.groups).most_common(1)
        if sizes and sizes[0][1] > len(self.names) / 2:
            said.append(f"one group has {sizes[0][1]} of {len(self.names)} pictures")
        if crossing := self.crossing():
            said.append(f"{len(crossing)} groups are on two sides: the test is not honest")
        if self.not_labelled:
            said.append(f"{self.not_labelled} pictures are not labelled yet: left out")
        return said


@dataclass(frozen=True)
class Source:
    """A data set to split; with the folder of its pictures, near duplicates are found."""

    path: Path
    format: str | None = None
    pictures: Path | None = None

    def open(self) -> AbstractContextManager[Dataset]:
        return opened(self.path, self.format, ReadOptions(self.pictures))


def make_plan(
    source: Source,
    group_by: str | None = None,
    shares: tuple[float, float, float] = SHARES,
    seed: int = 0,
) -> Plan:
    """Return a new plan: groups are those of the data set, near duplicates and bursts.

    `group_by` is a regular expression: pictures whose names agree in its first group stay together
    too. Raises InvalidDataset for a bad file, ValueError or re.error for a bad expression.
    """
    pattern = re.compile(group_by) if group_by else None
    if pattern and not pattern.groups:
        raise ValueError("it needs a group in parentheses, for instance ^(.+)_[0-9]+")
    plan, named = Plan(), []
    with source.open() as dataset:
        for picture in dataset.pictures:
            if picture.labelled:
                plan.names.append(picture.name)
                plan.labels.append(labels_of(picture))
                match = pattern.search(picture.name) if pattern else None
                named.append(picture.group or (match and match[1]))
            else:
                plan.not_labelled += 1
    pairs = list(_pairs(plan.names, source.pictures)) if source.pictures else []
    plan.groups = groups_of(named, pairs)
    plan.splits = split(plan.labels, plan.groups, shares, seed)
    return plan


def _pairs(names: list[str], pictures: Path) -> Iterator[tuple[int, int]]:
    folder = PictureFolder(pictures)
    files = [folder.find(name) for name in names]
    yield from near_duplicates([difference_hash(file) if file else None for file in files])
    headers = (folder.header(name) for name in names)
    yield from bursts((h.taken, h.camera) if h else (None, None) for h in headers)


def read_plan(file: Path, source: Source) -> Plan:
    """Return the plan in a CSV file that `write_split` wrote and somebody changed."""
    with open_input(file) as opened_file:
        lines = opened_file.read().decode("utf-8-sig", errors="replace").splitlines()
    rows: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(csv.reader(lines), 1):
        if row == HEADER or not row:
            continue
        if len(row) != 3 or row[1] not in SPLITS or not row[2].isdigit():
            advice = f"Write {', '.join(HEADER)}, with one of {', '.join(SPLITS)}"
            raise InvalidDataset(file, f"line {number}", "it is no line of a plan", advice)
        rows[row[0]] = (row[1], int(row[2]))
    plan = Plan()
    with source.open() as dataset:
        for picture in dataset.pictures:
            if not picture.labelled:
                plan.not_labelled += 1
                continue
            if picture.name not in rows:
                raise InvalidDataset(file, "", f"{picture.name} is missing", "Add a line for it")
            side, group = rows[picture.name]
            plan.names.append(picture.name)
            plan.labels.append(labels_of(picture))
            plan.splits.append(side)
            plan.groups.append(group)
    return plan


def write_split(plan: Plan, source: Source, target: Path, to: str, options: WriteOptions) -> Report:
    """Write the parts and plan.csv into a new folder; return what was lost.

    YOLO and Pascal VOC become one folder with lists; the others, a file for each part.
    Raises InvalidDataset.
    """
    report = Report()

    def part(keep: Callable[[str], bool], file: Path) -> None:
        with source.open() as dataset:
            pictures = _with_splits(dataset, plan, keep, alone=to in FILES)
            lost = write(Dataset(pictures, dataset.labels, dataset.report), file, to, options)
        for what, count in lost.counts.items():
            report.note(what, lost.places[what], count)

    if to in FILES:
        if target.exists():
            raise InvalidDataset(target, "", "it exists already", "Choose a new name")
        for name in sorted(set(plan.splits), key=SPLITS.index):
            part(lambda side, name=name: side == name, target / f"{name}.{FILES[to]}")  # type: ignore[misc]
    else:
        part(lambda side: True, target)
    with (target / "plan.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(zip(plan.names, plan.splits, plan.groups, strict=True))
    return report


def _with_splits(
    dataset: Dataset, plan: Plan, keep: Callable[[str], bool], *, alone: bool
) -> Iterator[Picture]:
    """Yield the labelled pictures of a part; in a file of its own it needs no mark."""
    sides = iter(plan.splits)
    for picture in dataset.pictures:
        if picture.labelled and keep(side := next(sides)):
            yield replace(picture, split=None if alone else side)
