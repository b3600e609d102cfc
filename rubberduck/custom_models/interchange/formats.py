"""The formats by name, recognising them, and converting from one to another."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rubberduck.custom_models.dataset import Dataset, InvalidDataset, Report
from rubberduck.custom_models.interchange import coco, label_studio, manifest, voc, yolo
from rubberduck.custom_models.interchange.archive import Limits, is_zip, unpack
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions


@dataclass(frozen=True)
class Format:
    """A module with `read` and `write`; `is_folder` tells what `write` makes."""

    title: str
    module: ModuleType
    is_folder: bool


FORMATS = {
    "manifest": Format("Custom Labels manifest", manifest, is_folder=False),
    "coco": Format("COCO", coco, is_folder=False),
    "yolo": Format("YOLO", yolo, is_folder=True),
    "voc": Format("Pascal VOC", voc, is_folder=True),
    "label-studio": Format("Label Studio JSON", label_studio, is_folder=False),
}
ZIP_BEGINNING = b"PK\3\4"
HEAD = 65_536  # bytes that tell the JSON formats apart


def recognise(path: Path) -> str:
    """Return the name of the format of a file or folder. Raises InvalidDataset."""
    if path.is_dir():
        if (path / "data.yaml").exists() or (path / "classes.txt").exists():
            return "yolo"
        if (path / "Annotations").is_dir() or next(path.glob("*.xml"), None):
            return "voc"
        problem = "the folder has neither data.yaml, nor classes.txt, nor Annotations"
        raise InvalidDataset(path, "", problem, "Name its format (--from at the terminal)")
    if path.suffix.lower() in {".yaml", ".yml"}:
        return "yolo"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
        raise InvalidDataset(path, "", problem, "Check its name and rights") from None
    if not head:
        raise InvalidDataset(path, "", "it is empty", "Export it again")
    if head.startswith(b"["):
        return "label-studio"
    if b'"source-ref"' in head.split(b"\n")[0] or path.suffix in {".manifest", ".jsonl"}:
        return "manifest"
    if head.startswith(b"{"):
        return "coco"
    if head.startswith(ZIP_BEGINNING):
        raise InvalidDataset(path, "", "it is no complete ZIP", "Send it again")
    problem = "it is in none of the formats " + ", ".join(kind.title for kind in FORMATS.values())
    raise InvalidDataset(
        path,
        "",
        problem,
        "Export it again as one of these, or name its format (--from at the terminal)",
    )


@contextmanager
def opened(
    path: Path,
    format: str | None = None,
    options: ReadOptions | None = None,
    limits: Limits | None = None,
) -> Iterator[Dataset]:
    """Open a data set: a file, a folder, or a ZIP of one. Raises InvalidDataset, also while read.

    A ZIP is unpacked into a temporary folder that is deleted at the end.
    """
    options = options or ReadOptions()
    if not is_zip(path):
        yield FORMATS[format or recognise(path)].module.read(path, options)
        return
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder), limits)
        inner = contents_of(Path(folder))
        yield FORMATS[format or recognise(inner)].module.read(inner, options)


def contents_of(folder: Path) -> Path:
    """Return what an unpacked archive is about: its only folder's contents, or its only file."""
    while True:
        hidden = {"__MACOSX", ".DS_Store"}
        entries = [entry for entry in folder.iterdir() if entry.name not in hidden]
        if len(entries) != 1:
            files = [entry for entry in entries if entry.suffix in {".json", ".manifest", ".jsonl"}]
            return files[0] if len(files) == 1 else folder
        if entries[0].is_file():
            return entries[0] if entries[0].suffix != ".xml" else folder
        if entries[0].name in {"Annotations", "images", "labels"}:
            return folder
        folder = entries[0]


def write(dataset: Dataset, target: Path, format: str, options: WriteOptions) -> Report:
    """Write a data set; return what was lost or changed on reading and writing.

    `target` must not exist, or be an empty folder. Raises InvalidDataset.
    """
    kind, report = FORMATS[format], Report()
    taken = any(target.iterdir()) if kind.is_folder and target.is_dir() else target.exists()
    if taken:
        raise InvalidDataset(target, "", "it exists already", "Choose a new name, or delete it")
    # A file appears under its name when it is complete; a folder that failed is left to look at.
    part = target if kind.is_folder else target.with_name(f"{target.name}.part")
    try:
        (target if kind.is_folder else target.parent).mkdir(parents=True, exist_ok=True)
        try:
            kind.module.write(dataset, part, options, report)
            part.replace(target)
        finally:
            if not kind.is_folder:
                part.unlink(missing_ok=True)
    except OSError as error:
        problem = f"it cannot be written: {error.strerror}"
        raise InvalidDataset(target, "", problem, "Check rights and free space") from None
    for what, count in report.counts.items():
        dataset.report.note(what, report.places[what], count)
    return dataset.report
