"""What a reader or writer is told besides its file, and the steps all of them share."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture, Report
from rubberduck.custom_models.pictures import PictureFile, PictureFolder, read_header
from rubberduck.custom_models.turns import as_stored, as_upright

Pixels = Literal["auto", "upright", "stored"]
HEAD = 65_536  # bytes that tell formats apart
SPLIT_WORDS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | (
    dict.fromkeys(("val", "valid", "validation"), "validation")
)
DECIMALS = 6  # of a pixel: undoes what normalising to fractions or per cents rounds
NOISE = 0.001  # pixels that a box may reach out of its picture by rounding


@dataclass(frozen=True)
class ReadOptions:
    """`pictures` is the folder with the picture files, if they are here.

    `prefix` is taken off names that start with it. `pixels` says what boxes of a photo with an
    Exif turn refer to; "auto" compares the size in the file with the picture's, and takes upright
    pixels where both fit.
    """

    pictures: Path | None = None
    prefix: str = ""
    pixels: Pixels = "auto"


@dataclass(frozen=True)
class WriteOptions:
    """`prefix` is put before names; `pictures` are copied from there, if given.

    `stored_pixels` writes boxes of the stored pixels, for programs that ignore Exif.
    """

    prefix: str = ""
    pictures: Path | None = None
    stored_pixels: bool = False

    @cached_property
    def folder(self) -> PictureFolder | None:
        return PictureFolder(self.pictures) if self.pictures else None


class Finisher:
    """Complete what a format says of a picture by its file: size, turn, boxes made upright."""

    def __init__(self, dataset: Dataset, file: object, options: ReadOptions) -> None:
        self.report, self.file, self.options = dataset.report, file, options
        self.folder = PictureFolder(options.pictures) if options.pictures else None
        self._last: tuple[tuple[str, Path | None] | None, PictureFile | None] = (None, None)

    def size(self, picture: Picture) -> tuple[int, int] | tuple[None, None]:
        """Return the size that the format's boxes refer to, for one that does not say it."""
        header = self._header(picture)
        if header is None:
            return None, None
        return header.stored_size if self.options.pixels == "stored" else header.size

    def _header(self, picture: Picture) -> PictureFile | None:
        """Return the header of the picture file, if there is one; the last one is kept."""
        key = (picture.name, picture.file)
        if self._last[0] != key:
            path = picture.file or (self.folder.find(picture.name) if self.folder else None)
            self._last = (key, read_header(path) if path else None)
        return self._last[1]

    def finish(self, picture: Picture) -> Picture:
        """Return the picture as the model has it. Raises InvalidDataset if the sizes disagree."""
        picture = replace(picture, name=picture.name.removeprefix(self.options.prefix))
        if self.folder and not picture.file and not self.folder.find(picture.name):
            known = (name for name in picture.other_names if self.folder.find(name))
            picture = replace(picture, name=next(known, picture.name))
        header = self._header(picture)
        if header is None:
            if self.folder:
                self.report.note("the picture file was not found", picture.name)
            return picture
        picture = replace(picture, file=header.path)
        size, upright, stored = (picture.width, picture.height), header.size, header.stored_size
        if None in size:
            size = header.stored_size if self.options.pixels == "stored" else header.size
            picture = replace(picture, width=size[0], height=size[1])
        if size not in {upright, stored}:
            problem = f"the size is {size[0]}x{size[1]} here, and {upright[0]}x{upright[1]} in "
            raise InvalidDataset(
                self.file,
                picture.place,
                f"{picture.name}: {problem}{header.path}",
                "Correct the size, or put the pictures that were labelled beside the labels",
                "or name their folder with --pictures",
            )
        if self.options.pixels == "stored" or (self.options.pixels == "auto" and size != upright):
            if header.turn != 1 and picture.boxes:
                self.report.note("boxes of stored pixels were turned upright", picture.name)
            return as_upright(picture, header.turn)
        return replace(picture, turn=header.turn)


def to_write(picture: Picture, options: WriteOptions) -> Picture:
    """Return the picture as a file has it: its name with the prefix, its boxes as chosen."""
    turned = as_stored(picture) if options.stored_pixels else picture
    name = picture.name if "://" in picture.name else options.prefix + picture.name
    return replace(turned, name=name)


def note_lost(report: Report, picture: Picture, format: str, keeps: set[str]) -> None:
    """Note what of a picture the format has no place for; `keeps` names what it has one for."""
    crowds = sum(box.crowd for box in picture.boxes)
    losses = {
        "crowd": ("iscrowd: the box is written as a plain one", crowds),
        "labels": ("labels of whole pictures: they are left out", len(picture.labels)),
        "group": ("groups (video, burst): they are left out", bool(picture.group)),
        "split": ("place for the split of a picture", bool(picture.split)),
    }
    for what, (lost, times) in losses.items():
        if what not in keeps:
            report.note(f"{format} has no {lost}", picture.name, times)


def is_left_out(report: Report, picture: Picture, format: str) -> bool:
    """Tell whether a format of boxes must not hold the picture, as it would read as empty there."""
    if not picture.labelled:
        what = f"not labelled yet, which {format} would read as nothing in it: left out"
    elif picture.labels and not picture.boxes:
        what = f"only labels of the whole picture, which {format} does not have: left out"
    else:
        return False
    report.note(what, picture.name)
    return True


def as_unread(picture: Picture, report: Report) -> Picture:
    """Return a picture whose objects were all left out as not labelled: there is one in it."""
    report.note("none of its labels could be read, so it is not labelled yet", picture.name)
    return replace(picture, labelled=False)


def inside(picture: Picture, size: tuple[int, int], report: Report) -> list[Box]:
    """Return the boxes, clipped to the picture of `size`; note those that reached out of it."""
    boxes = []
    for box in picture.boxes:
        clipped = box.clipped(*size)
        if clipped is None:
            report.note("a box outside the picture was left out", picture.name)
            continue
        if max(box.width - clipped.width, box.height - clipped.height) > NOISE:
            report.note("a box that reached out of the picture was clipped", picture.name)
        boxes.append(clipped)
    return boxes


def known_size(picture: Picture, file: object) -> tuple[int, int]:
    """Return (width, height). Raises InvalidDataset if they are not known."""
    if picture.width is None or picture.height is None:
        raise InvalidDataset(
            file,
            picture.place,
            f"the size of {picture.name} is not known",
            "Put the pictures beside the labels",
            "or name their folder with --pictures",
        )
    return picture.width, picture.height


def copy_picture(name: str, target: Path, options: WriteOptions, report: Report) -> None:
    """Copy the picture file to `target`, if the pictures are here."""
    if options.folder is None:
        return
    source = options.folder.find(name)
    if source is None:
        report.note("the picture file was not found, so not copied", name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def split_named(text: str) -> str | None:
    """Return the split that a file or folder is named for.

    >>> split_named("instances_val2017"), split_named("valid"), split_named("default")
    ('validation', 'validation', None)
    """
    words = re.findall("[a-z]+", text.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def read_head(path: Path) -> bytes:
    """Return a file's beginning, which tells formats apart, without a byte order mark."""
    with open_input(path) as file:
        return file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()


@contextmanager
def open_input(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
        raise InvalidDataset(path, "", problem, "Check its name and rights") from None


def tidy(value: float) -> float:
    """Return a coordinate without the noise of floating point; whole numbers as int.

    >>> tidy(10.0000000001), tidy(0.5)
    (10, 0.5)
    """
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded
