"""The formats by name, recognising them, and converting from one to another."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rubberduck.custom_models.dataset import Dataset, InvalidDataset, Report
from rubberduck.custom_models.interchange import coco, label_studio, manifest, voc, yolo
from rubberduck.custom_models.interchange.archive import Limits, is_zip, unpack
from rubberduck.custom_models.interchange.options import ReadOptions, WriteOptions, read_head
from rubberduck.custom_models.interchange.yolo_config import NAMES, find_config, has_boxes, is_yolo
from rubberduck.custom_models.pictures import is_wanted, wanted_files


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
# What tells files of labels from others, by suffix; besides the formats above those of labelme,
# CVAT, VGG and TensorFlow.
LABELS = {
    ".json": re.compile(
        rb'"(images|annotations|categories|shapes|regions|source-ref|bbox|bounding_?box(es)?|boxes'
        rb'|objects|labels?|result)"\s*:',
        re.IGNORECASE,
    ),
    ".xml": re.compile(rb"<(annotations?|object|bndbox|box|polygon)[\s>]"),
    ".yaml": NAMES,
    ".yml": NAMES,
    ".csv": re.compile(rb"\A[^\n]*(x_?min|bbox|label|class)", re.IGNORECASE),
}


def recognise(path: Path) -> str:
    """Return the name of the format of a file or folder. Raises InvalidDataset."""
    if path.is_dir():
        return _recognise_folder(path)
    if path.suffix.lower() in {".yaml", ".yml"}:
        return "yolo"
    head = read_head(path)
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
        "Export it again as one of these",
        "or name its format with --from",
    )


def _recognise_folder(path: Path) -> str:
    """Return the format of the labels below a folder. Raises InvalidDataset."""
    if is_yolo(path):
        return "yolo"
    if voc.find_folder(path):
        return "voc"
    if coco.find_files(path):
        return "coco"
    if find_config(path):
        return "yolo"
    problem = "the folder has neither a YAML file with names, nor classes.txt, nor obj.data, nor "
    problem += "files of Pascal VOC or COCO"
    advice = "Export it again as one of these"
    raise InvalidDataset(path, "", problem, advice, "or name its format with --from")


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
    """Return what an unpacked archive is about: its only file of labels, or else its folder."""
    while len(entries := [each for each in folder.iterdir() if is_wanted(Path(each.name))]) == 1:
        if entries[0].is_file():
            return entries[0] if entries[0].suffix != ".xml" else folder
        if entries[0].name in {"Annotations", "images", "labels"}:
            break
        folder = entries[0]
    if is_yolo(folder):  # Label Studio's YOLO has a notes.json besides
        return folder
    files = [file for file in wanted_files(folder) if _is_one_file(file)]
    return files[0] if len(files) == 1 else folder


def _is_one_file(path: Path) -> bool:
    """Tell whether a file is of a format that is one file."""
    if path.suffix.lower() != ".json":
        return path.suffix.lower() in {".manifest", ".jsonl"}
    head = read_head(path)
    return head.startswith(b"[") or b'"source-ref"' in head or bool(coco.BEGINNING.search(head))


def has_labels(path: Path) -> bool:
    """Tell whether a file holds labels of pictures, in whatever format."""
    suffix = path.suffix.lower()
    if suffix in {".manifest", ".jsonl"}:
        return True
    if suffix == ".txt":
        return has_boxes(path)
    return suffix in LABELS and LABELS[suffix].search(read_head(path)) is not None


def write(dataset: Dataset, target: Path, format: str, options: WriteOptions) -> Report:
    """Write a data set; return what was lost or changed on reading and writing.

    `target` must not exist, or be an empty folder. Raises InvalidDataset.
    """
    kind, report = FORMATS[format], Report()
    taken = any(target.iterdir()) if kind.is_folder and target.is_dir() else target.exists()
    if taken:
        raise InvalidDataset(target, "", "it exists already", "Choose a new name, or delete it")
    # Half of a data set looks like a whole one, so nothing is left of what failed.
    part = target if kind.is_folder else target.with_name(f"{target.name}.part")
    try:
        (target if kind.is_folder else target.parent).mkdir(parents=True, exist_ok=True)
        try:
            kind.module.write(dataset, part, options, report)
            part.replace(target)
        except BaseException:
            shutil.rmtree(part) if kind.is_folder else part.unlink(missing_ok=True)
            raise
    except OSError as error:
        problem = f"it cannot be written: {error.strerror}"
        raise InvalidDataset(target, "", problem, "Check rights and free space") from None
    for what, count in report.counts.items():
        dataset.report.note(what, report.places[what], count)
    return dataset.report
