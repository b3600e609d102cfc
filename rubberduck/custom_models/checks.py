"""Check a data set by Custom Labels' rules before a cent is spent on a training.

The service names what is wrong only after the data set was made or the training has failed, and
some of it never: lines that it drops silently are shown nowhere. `rules.py` has the rules.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from rubberduck.custom_models import rules
from rubberduck.custom_models.check_line import Kind, Line, check_line
from rubberduck.custom_models.dataset import Picture, Report
from rubberduck.custom_models.interchange import manifest
from rubberduck.custom_models.interchange.archive import is_zip
from rubberduck.custom_models.interchange.formats import opened, recognise
from rubberduck.custom_models.interchange.options import (
    ReadOptions,
    WriteOptions,
    open_input,
    to_write,
)
from rubberduck.custom_models.pictures import PictureFolder

MAX_EXAMPLES = 20  # of each rule; all are counted
USE_CASES = {"boxes": "OBJECT_LOCALIZATION", "labels": "IMAGE_LEVEL_LABELS"}
IGNORED = {"WARNING_UNANNOTATED_RECORD", "WARNING_NO_ANNOTATIONS"}


@dataclass
class Finding:
    """A rule that is broken: how often, and the first places, each with its details."""

    code: str
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rule(self) -> rules.Rule:
        return rules.RULES[self.code]


@dataclass
class Check:
    """The outcome: findings by code, lines by what becomes of them, pictures by label."""

    findings: dict[str, Finding] = field(default_factory=dict)
    total: int = 0
    bad: int = 0
    dropped: int = 0
    ignored: int = 0
    lines: Counter[Kind] = field(default_factory=Counter)
    labels: dict[Kind, Counter[str]] = field(default_factory=dict)
    usable: dict[Kind, Counter[str]] = field(default_factory=dict)

    def add(self, code: str, place: str = "", details: str = "", times: int = 1) -> None:
        finding = self.findings.setdefault(code, Finding(code))
        finding.count += times
        if len(finding.examples) < MAX_EXAMPLES:
            finding.examples.append((place, details))

    @property
    def kind(self) -> Kind | None:
        """The kind of labels that the service trains on: here, that of most lines."""
        return max(self.lines, key=lambda kind: self.lines[kind], default=None)

    @property
    def use_case(self) -> str:
        return USE_CASES[self.kind] if self.kind else "NOT_DETERMINED"

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong or would be dropped."""
        harmless = {rules.IGNORED, rules.ADVICE}
        return all(finding.rule.effect in harmless for finding in self.findings.values())

    def pictures_by_label(self) -> Counter[str]:
        return self.usable.get(self.kind, Counter()) if self.kind else Counter()


def check_dataset(
    path: Path,
    pictures: Path | None = None,
    test: Path | None = None,
    format: str | None = None,
) -> Check:
    """Check a data set of any format, with the picture files and a test set, if they are given.

    What is no manifest is checked as the manifest that it would become. Raises InvalidDataset if
    such a file cannot be read; what is wrong with a manifest is a finding.
    """
    check = _check_file(path, pictures, format)
    tested = _check_file(test, pictures, format) if test else None
    return check_parts(check, tested, test.name if test else "test")


def check_parts(check: Check, tested: Check | None, name: str = "test") -> Check:
    """Add what only the whole set shows: its labels, and how a test set fits to it.

    Places in the test set, if there is one, begin with its `name`.
    """
    _check_labels(check, is_test=False)
    if tested is None:
        for label, count in check.pictures_by_label().items():
            if count < 2:
                code = "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"
                check.add(code, "", f"{label!r}: {count}")
        return check
    _check_labels(tested, is_test=True)
    _check_overlap(check, tested)
    for finding in tested.findings.values():
        for place, details in finding.examples:
            check.add(finding.code, f"{name}, {place}" if place else name, details, 0)
        check.findings[finding.code].count += finding.count
    return check


def _check_file(path: Path, pictures: Path | None, format: str | None) -> Check:
    if not is_zip(path) and (format or recognise(path)) == "manifest":
        check = Check()
        if not path.suffix:
            check.add("ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT", "", path.name)
        with open_input(path) as file:
            size = file.seek(0, 2)
            if size > rules.MAX_BYTES:
                check.add("ERROR_MANIFEST_SIZE_TOO_LARGE", "", f"{size:,} bytes")
            file.seek(0)
            numbered = ((f"line {number}", line) for number, line in manifest.lines(file))
            return check_lines(numbered, pictures, check)
    with opened(path, format, ReadOptions(pictures)) as dataset:
        return check_lines(_as_lines(dataset.pictures, path), pictures)


def _as_lines(pictures: Iterable[Picture], path: Path) -> Iterator[tuple[str, bytes]]:
    numbers: dict[str, int] = {}
    options = WriteOptions(prefix="s3://bucket/")
    for picture in pictures:
        entry = manifest.entry(to_write(picture, options), numbers, path, Report())
        yield picture.place or picture.name, json.dumps(entry).encode()


def check_lines(
    lines: Iterable[tuple[str, bytes]], pictures: Path | None = None, check: Check | None = None
) -> Check:
    """Check a manifest's lines, each with its place; 16 bytes are kept of every picture's name."""
    check = check or Check()
    folder = PictureFolder(pictures) if pictures else None
    seen: set[bytes] = set()
    buckets: dict[str, str] = {}
    for place, data in lines:
        check.total += 1
        line = check_line(data, folder)
        if line.source is not None and line.bucket is not None:
            digest = blake2b(line.source.encode(), digest_size=16).digest()
            if digest in seen:
                line.faults = [("DUPLICATE_SOURCE_REF", line.source)]
                line.labels, line.usable = {}, {}
            seen.add(digest)
            if len(buckets) < MAX_EXAMPLES:
                buckets.setdefault(line.bucket, place)
        _count(check, place, line)
    if check.total == 0:
        check.add("ERROR_EMPTY_MANIFEST")
    if check.total > rules.MAX_LINES:
        check.add("ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM", "", f"{check.total:,} lines")
    if check.bad > rules.MAX_BAD_SHARE * check.total:
        share = f"{check.bad} of {check.total} lines, {check.bad / check.total:.0%}"
        check.add("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST", "", share)
    if len(buckets) > 1:
        for bucket, place in buckets.items():
            check.add("ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", place, bucket)
    return check


def _count(check: Check, place: str, line: Line) -> None:
    codes = {code for code, _ in line.faults}
    check.bad += line.is_bad
    check.dropped += any(rules.RULES[code].effect == rules.DROPPED for code in codes)
    check.ignored += not line.is_bad and bool(codes & IGNORED)
    for code, details in line.faults:
        check.add(code, place, details)
    for kind, labels in line.labels.items():
        check.labels.setdefault(kind, Counter()).update(labels)
    for kind, labels in line.usable.items():
        check.lines[kind] += 1
        check.usable.setdefault(kind, Counter()).update(labels)


def _check_labels(check: Check, is_test: bool) -> None:
    kind = check.kind or next(iter(check.labels), None) or "boxes"
    for other, count in check.lines.items():
        if other != kind:
            chosen = "boxes" if kind == "boxes" else "labels of whole pictures"
            check.add("OTHER_KIND_OF_LABELS", "", f"{count} lines; it chose {chosen}", count)
    known, usable = check.labels.get(kind, Counter()), check.usable.get(kind, Counter())
    if len(known) > rules.MAX_LABELS:
        check.add("ERROR_MANIFEST_TOO_MANY_LABELS", "", f"{len(known)} labels")
    if check.total and len(known) < rules.MIN_LABELS[kind]:
        check.add("ERROR_MANIFEST_TOO_FEW_LABELS", "", f"{len(known)} labels")
    elif check.total and len(usable) < rules.MIN_LABELS[kind]:
        check.add("ERROR_MANIFEST_TOO_FEW_USABLE_LABELS", "", f"{len(usable)} labels")
    for label, count in usable.items():
        if is_test and count > rules.MAX_TEST_PICTURES:
            check.add("TOO_MANY_TEST_PICTURES", "", f"{label!r}: {count:,}")
        elif not is_test and count < rules.MIN_PICTURES_PER_LABEL:
            check.add("FEW_PICTURES", "", f"{label!r}: {count}")


def _check_overlap(check: Check, tested: Check) -> None:
    kind = check.kind or "boxes"
    for code, of in (("LABEL", "labels"), ("USABLE_LABEL", "usable")):
        train = set(getattr(check, of).get(kind, ()))
        common = train & set(getattr(tested, of).get(kind, ()))
        if train and len(common) < rules.MIN_OVERLAP * len(train):
            details = f"{len(common)} of {len(train)} labels"
            check.add(f"ERROR_INSUFFICIENT_{code}_OVERLAP", "", details)
            return
