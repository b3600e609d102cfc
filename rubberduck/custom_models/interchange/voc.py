"""Pascal VOC's folders: an XML file of boxes for each picture.

Coordinates count pixels from 1, and xmax and ymax are the last pixels inside, as the VOC
development kit defines it: a box from the left edge, 10 pixels wide, is xmin 1, xmax 10. They are
whole numbers, since many readers accept no others. A file without objects is a picture with nothing
in it; a picture in JPEGImages without a file was not labelled yet. Parsed with defusedxml: the
standard library's parser expands entities.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from os.path import commonpath
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rubberduck.custom_models.dataset import SPLITS, Box, Dataset, InvalidDataset, Picture, Report
from rubberduck.custom_models.interchange.options import (
    Finisher,
    ReadOptions,
    WriteOptions,
    copy_picture,
    inside,
    is_left_out,
    known_size,
    note_lost,
    open_input,
    read_head,
    split_named,
    tidy,
    to_write,
)
from rubberduck.custom_models.pictures import (
    SUFFIXES,
    PictureFolder,
    is_safe,
    safe_name,
    wanted_files,
)

MAX_FILE = 10_000_000  # bytes of an XML file
ADVICE = "Correct the file, or export it again"
PARTS = dict(zip(("train", "val", "test"), SPLITS, strict=True))
BEGINNING = re.compile(rb"^(<[?!][^>]*>\s*)*<annotation[\s>]")
NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def find_folder(path: Path) -> Path | None:
    """Return the folder below which all XML files of a data set lie, or None if it has none."""
    if (path / "Annotations").is_dir():
        return path / "Annotations"
    files = [file for file in wanted_files(path) if file.suffix.lower() == ".xml"]
    parents = [file.parent for file in files if BEGINNING.search(read_head(file))]
    return Path(commonpath(parents)) if parents else None


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a folder: with Annotations in it, or of XML files.

    Raises InvalidDataset for several with splits of their own, such as the years of a VOCdevkit.
    """
    own_splits = [each.parent for each in path.rglob("ImageSets") if each.is_dir()]
    if len(own_splits) > 1:
        names = ", ".join(sorted(each.name for each in own_splits))
        problem = f"it holds several data sets with splits of their own: {names}"
        raise InvalidDataset(path, "", problem, "Import each of them alone")
    dataset = Dataset()
    folder = find_folder(path) or path
    own = path / "JPEGImages"
    if own.is_dir() and (options.pictures is None or own.is_relative_to(options.pictures)):
        options = replace(options, pictures=own)
    dataset.pictures = _pictures(path, folder, dataset, options)
    return dataset


def _pictures(
    path: Path, folder: Path, dataset: Dataset, options: ReadOptions
) -> Iterator[Picture]:
    finisher = Finisher(dataset, path, options)
    splits = _splits(path, folder)
    labels: dict[str, None] = {}
    labelled: set[Path | None] = set()
    for file in wanted_files(folder):
        if file.suffix.lower() != ".xml":
            continue
        stem = file.relative_to(folder).with_suffix("").as_posix()
        picture = _picture(file, stem, splits.get(stem), dataset.report)
        if options.pictures and file.is_relative_to(options.pictures):
            picture = _beside(picture, PictureFolder(file.parent))
        labels |= dict.fromkeys(box.label for box in picture.boxes)
        picture = finisher.finish(picture)
        labelled.add(picture.file)
        yield picture
    for file in wanted_files(options.pictures) if options.pictures else []:
        if file.suffix.lower() in SUFFIXES and file not in labelled:
            name = file.relative_to(options.pictures or path)
            split = splits.get(name.with_suffix("").as_posix())
            new = Picture(name.as_posix(), labelled=False, split=split, file=file)
            yield finisher.finish(new)
    dataset.labels = list(labels)


def _beside(picture: Picture, folder: PictureFolder) -> Picture:
    """Return the picture with its file, if it lies in the folder of its XML file."""
    for name in (picture.name, *picture.other_names):
        if file := folder.at(PurePosixPath(name).name):
            return replace(picture, name=name, file=file)
    return picture


def _splits_by_folder(folder: Path) -> dict[str, str]:
    """Return XML file → split, if the folders that they lie in are named for at least two."""
    files = [file.relative_to(folder).with_suffix("") for file in folder.rglob("*.xml")]
    splits = {file.as_posix(): split_named(file.parts[0]) for file in files if len(file.parts) > 1}
    named = {stem: split for stem, split in splits.items() if split}
    return named if len({*named.values()}) > 1 else {}


def _splits(path: Path, folder: Path) -> dict[str, str]:
    """Return picture → split from ImageSets/Main, or else from folders such as train and valid."""
    splits = _splits_by_folder(folder)
    for part, split in PARTS.items():
        file = path / "ImageSets" / "Main" / f"{part}.txt"
        if file.is_file():
            stems = file.read_text(encoding="utf-8", errors="replace").splitlines()
            splits |= dict.fromkeys(stems, split)
    return splits


def _picture(file: Path, stem: str, split: str | None, report: Report) -> Picture:
    with open_input(file) as opened:
        data = opened.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise InvalidDataset(file, "", f"it is larger than {MAX_FILE:,} bytes", ADVICE)
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise InvalidDataset(file, "", f"it is not plain XML: {error}", ADVICE) from None
    if root.tag != "annotation":
        problem = f"it is no Pascal VOC file: it begins with <{root.tag}>"
        raise InvalidDataset(file, "", problem, "Export it as Pascal VOC, or leave it out")
    named = (root.findtext("filename") or "").strip().replace("\\", "/").rpartition("/")[2]
    others = [f"{stem}{suffix}" for suffix in SUFFIXES]
    name = (PurePosixPath(stem).parent / named).as_posix() if is_safe(named) else others[0]
    boxes = []
    for number, item in enumerate(root.iterfind("object"), 1):
        place = f"object {number}"
        label = item.findtext("name")
        if not label:
            raise InvalidDataset(file, place, "it has no name", ADVICE)
        if _number(item, "difficult", file, place, default=0):
            report.note("the mark 'difficult' is left out", file.name)
        left = _number(item, "bndbox/xmin", file, place) - 1
        top = _number(item, "bndbox/ymin", file, place) - 1
        wide = _number(item, "bndbox/xmax", file, place) - left
        high = _number(item, "bndbox/ymax", file, place) - top
        if wide <= 0 or high <= 0:
            raise InvalidDataset(file, place, "its xmax or ymax is below its minimum", ADVICE)
        boxes.append(Box(label, tidy(left), tidy(top), tidy(wide), tidy(high)))
    sides = (_number(root, f"size/{side}", file, "", default=0) for side in ("width", "height"))
    width, height = (int(side) for side in sides)
    known = width > 0 and height > 0
    return Picture(
        name,
        width if known else None,
        height if known else None,
        tuple(boxes),
        split=split,
        place=file.name,
        other_names=tuple(others),
    )


def _number(item: Any, path: str, file: Path, place: str, default: float | None = None) -> float:
    text = item.findtext(path)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
        if not abs(value) <= 1e9:  # also for NaN
            raise ValueError
    except ValueError:
        problem = f"{path} is {text!r} instead of a number"
        raise InvalidDataset(file, place, problem, ADVICE) from None
    return value


def write(dataset: Dataset, target: Path, options: WriteOptions, report: Report) -> None:
    """Write a folder with Annotations, JPEGImages and ImageSets. Raises InvalidDataset."""
    stems: set[str] = set()
    used: set[str] = set()
    with ExitStack() as stack:
        lists: dict[str, IO[str]] = {}
        for picture in dataset.pictures:
            name = safe_name(picture.name, target)
            stem = Path(name).with_suffix("").as_posix()
            if stem.casefold() in stems:
                problem = f"{name} and another picture would share {stem}.xml"
                raise InvalidDataset(target, picture.place, problem, "Rename one of the two")
            stems.add(stem.casefold())
            copied = not is_left_out(report, picture, "Pascal VOC")
            if copied:
                note_lost(report, picture, "Pascal VOC", {"split"})
                used |= {box.label for box in picture.boxes}
                _write_xml(target, stem, name, to_write(picture, options), report)
            if copied or not picture.labelled:
                copy_picture(picture.name, target / "JPEGImages" / name, options, report)
            if picture.split and copied:
                part = next(part for part, split in PARTS.items() if split == picture.split)
                if part not in lists:
                    folder = target / "ImageSets" / "Main"
                    folder.mkdir(parents=True, exist_ok=True)
                    file = (folder / f"{part}.txt").open("w", encoding="utf-8")
                    lists[part] = stack.enter_context(file)
                lists[part].write(f"{stem}\n")
    unused = [label for label in dataset.labels if label not in used]
    if unused:
        what = "Pascal VOC has no list of labels: one that no picture has is left out"
        report.note(what, unused[0], len(unused))


def _write_xml(target: Path, stem: str, name: str, picture: Picture, report: Report) -> None:
    width, height = known_size(picture, target)
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "folder").text = "JPEGImages"
    ElementTree.SubElement(root, "filename").text = Path(name).name
    size = ElementTree.SubElement(root, "size")
    for key, value in {"width": width, "height": height, "depth": 3}.items():
        ElementTree.SubElement(size, key).text = str(value)
    for box in inside(picture, (width, height), report):
        if NOT_XML.search(box.label):
            problem = f"the label {box.label!r} holds a character that XML cannot"
            raise InvalidDataset(target, picture.place, problem, "Rename the label")
        item = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(item, "name").text = box.label
        for key in ("truncated", "difficult"):
            ElementTree.SubElement(item, key).text = "0"
        corners = ElementTree.SubElement(item, "bndbox")
        left, top = min(round(box.left), width - 1), min(round(box.top), height - 1)
        right, bottom = max(round(box.right), left + 1), max(round(box.bottom), top + 1)
        if (left, top, right, bottom) != (box.left, box.top, box.right, box.bottom):
            report.note("Pascal VOC has whole pixels: the box is rounded", picture.name)
        sides = {"xmin": left + 1, "ymin": top + 1, "xmax": right, "ymax": bottom}
        for key, value in sides.items():
            ElementTree.SubElement(corners, key).text = str(value)
    file = target / "Annotations" / f"{stem}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(file, encoding="utf-8")
