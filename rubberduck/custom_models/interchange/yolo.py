"""YOLO's folders: a text file of boxes beside each picture, as ultralytics documents them.

A line is `class x_center y_center width height`, fractions of the *upright* picture: ultralytics
turns photos by Exif before it applies them. An empty file is a picture with nothing in it; a
picture without a file was not labelled yet, but ultralytics trains on it as an empty one, so such
pictures are left out of an export. The fractions need the sizes, so the picture files, for reading.
One that is up to 0.001 below 0 or above 1, by rounding, is taken for that.

data.yaml names the classes and the parts train, val and test: folders, or lists of pictures. What
else may name them: yolo_config.py.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import yaml

from rubberduck.custom_models.dataset import (
    SPLITS,
    Box,
    Dataset,
    InvalidDataset,
    LabelNumbers,
    Picture,
    Report,
)
from rubberduck.custom_models.interchange.options import (
    Finisher,
    ReadOptions,
    WriteOptions,
    as_unread,
    copy_picture,
    inside,
    is_left_out,
    known_size,
    note_lost,
    tidy,
    to_write,
)
from rubberduck.custom_models.interchange.yolo_config import Config, read_config, read_text
from rubberduck.custom_models.pictures import (
    SUFFIXES,
    PictureFolder,
    is_safe,
    safe_name,
    wanted_files,
)

ADVICE = "Correct the file"
NOISE = 0.001  # that a fraction may be off by rounding
PARTS = dict(zip(("train", "val", "test"), SPLITS, strict=True))


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a folder, or of a data.yaml. Raises InvalidDataset."""
    config = read_config(path)
    images = config.root / "images"
    own = images if images.is_dir() else config.root
    options = replace(options, pictures=options.pictures or own)
    dataset = Dataset(labels=list(dict.fromkeys(config.names.values())))
    dataset.pictures = _pictures(config, dataset, options)
    return dataset


def _pictures(config: Config, dataset: Dataset, options: ReadOptions) -> Iterator[Picture]:
    root, finisher = config.root, Finisher(dataset, config.root, options)
    folder, pictures = PictureFolder(root), options.pictures or root
    is_beside = root.is_relative_to(pictures) or pictures.is_relative_to(root)
    for part, listed in config.parts.items():
        split = PARTS[part] if len(config.parts) > 1 else None
        for image in (image for entry in listed for image in _listed(config, entry)):
            name, file = image.removeprefix("images/"), folder.at(image) if is_beside else None
            picture = Picture(name, split=split, place=image, file=file)
            width, height = finisher.size(picture)
            picture = replace(picture, width=width, height=height)
            labels = root / _label_file(image)
            if labels.is_file():
                boxes = tuple(_boxes(labels, picture, config, dataset.report))
                picture = replace(picture, boxes=boxes)
                if not boxes and read_text(labels).strip():
                    picture = as_unread(picture, dataset.report)
            else:
                picture = replace(picture, labelled=False)
            yield finisher.finish(picture)


def _listed(config: Config, entry: str) -> Iterator[str]:
    """Yield the pictures of a folder or of a list, as paths below the config's root."""
    root = config.root
    if entry != "." and not is_safe(entry):
        problem = f"{entry!r} lies outside the folder"
        raise InvalidDataset(config.file, "", problem, "Name folders below that of the file")
    if entry.endswith(".txt"):
        for number, line in enumerate(read_text(root / entry).splitlines(), 1):
            name = line.strip().removeprefix("./")
            if name and not is_safe(name):
                problem = f"{name!r} lies outside the folder"
                raise InvalidDataset(root / entry, f"line {number}", problem, ADVICE)
            if name:
                yield _from_known_folder(root, name)
        return
    folder = root / entry
    if not folder.is_dir():
        raise InvalidDataset(
            root, "", f"the folder {entry!r} does not exist", f"Correct {config.file.name}"
        )
    for file in wanted_files(folder):
        if file.suffix.lower() in SUFFIXES:
            yield file.relative_to(root).as_posix()


def _from_known_folder(root: Path, name: str) -> str:
    """Return the path without the folders before the first that is in `root`, if one is."""
    steps = name.split("/")
    known = (i for i, step in enumerate(steps[:-1]) if (root / step).is_dir())
    return "/".join(steps[next(known, 0) :])


def _label_file(image: str) -> str:
    """Return where ultralytics looks for the boxes of a picture.

    >>> _label_file("images/train/a.jpg"), _label_file("a.jpg")
    ('labels/train/a.txt', 'a.txt')
    """
    before, images, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if images else image
    return Path(path.lstrip("/")).with_suffix(".txt").as_posix()


def _boxes(file: Path, picture: Picture, config: Config, report: Report) -> Iterator[Box]:
    for number, line in enumerate(read_text(file).splitlines(), 1):
        place = f"line {number}"
        words = line.split()
        if not words:
            continue
        try:
            label, numbers = config.names[_class(words[0])], [float(word) for word in words[1:]]
        except KeyError:
            raise InvalidDataset(file, place, f"the class {words[0]} has no name", ADVICE) from None
        except ValueError:
            raise InvalidDataset(file, place, "not a class and numbers", ADVICE) from None
        if config.has_key_points and len(numbers) > 4:
            report.note("key points are left out: only the box is kept", f"{file.name}, {place}")
            numbers = numbers[:4]
        if not all(-NOISE <= value <= 1 + NOISE for value in numbers):
            problem = "a number is not between 0 and 1"
            raise InvalidDataset(file, place, problem, "Divide pixels by the picture's sides")
        numbers = [min(max(value, 0), 1) for value in numbers]
        if len(numbers) not in {4, 5} and (len(numbers) < 6 or len(numbers) % 2):
            problem = f"{len(words)} numbers instead of class, center, width and height"
            raise InvalidDataset(file, place, problem, ADVICE)
        if len(numbers) > 5:
            report.note("an outline is kept as the box around it", f"{file.name}, {place}")
        left, top, width, height = _sides(numbers)
        if not width or not height:
            report.note("a box without area is left out", f"{file.name}, {place}")
            continue
        wide, high = known_size(picture, file)
        sides = [tidy(side) for side in (left * wide, top * high, width * wide, height * high)]
        yield Box(label, sides[0], sides[1], sides[2], sides[3])


def _class(word: str) -> int:
    """Return the number of a class, which some programs write as 0.0. Raises ValueError."""
    number = float(word)
    if not number.is_integer():
        raise ValueError(f"{word} is no whole number")
    return int(number)


def _sides(numbers: list[float]) -> tuple[float, float, float, float]:
    """Return (left, top, width, height) of a box or of an outline; a fifth is a confidence."""
    if len(numbers) > 5:
        across, down = numbers[::2], numbers[1::2]
        return min(across), min(down), max(across) - min(across), max(down) - min(down)
    x, y, width, height = numbers[:4]
    return x - width / 2, y - height / 2, width, height


def write(dataset: Dataset, target: Path, options: WriteOptions, report: Report) -> None:
    """Write a folder with images, labels, lists and data.yaml. Raises InvalidDataset."""
    numbers = LabelNumbers(dataset.labels)
    label_files: set[str] = set()
    without_split = 0
    with ExitStack() as stack:
        lists: dict[str, IO[str]] = {}
        for picture in dataset.pictures:
            if is_left_out(report, picture, "YOLO"):
                continue
            note_lost(report, picture, "YOLO", {"split"})
            image = "images/" + safe_name(picture.name, target)
            labels = _label_file(image)
            if labels.casefold() in label_files:
                problem = f"{picture.name} and another picture would share {labels}"
                raise InvalidDataset(target, picture.place, problem, "Rename one of the two")
            label_files.add(labels.casefold())
            lines = _lines(to_write(picture, options), numbers, target, report)
            (target / labels).parent.mkdir(parents=True, exist_ok=True)
            (target / labels).write_text("".join(lines), encoding="utf-8")
            copy_picture(picture.name, target / image, options, report)
            split = picture.split or "train"
            without_split += picture.split is None
            if split not in lists:
                file = (target / f"{split}.txt").open("w", encoding="utf-8")
                lists[split] = stack.enter_context(file)
            lists[split].write(f"./{image}\n")
    if not lists:
        (target / "train.txt").touch()
    elif len(lists) == 1:
        what = "one list serves as train and val, which flatters: split the set first"
        report.note(what, "data.yaml")
    else:
        what = "without a split, so listed with those to train on"
        report.note(what, "train.txt", without_split)
    numbers.add(dataset.labels)
    config = _parts(list(lists)) | {"names": dict(enumerate(numbers))}
    with (target / "data.yaml").open("w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True, sort_keys=False)


def _parts(splits: list[str]) -> dict[str, Any]:
    """Return data.yaml's lists; ultralytics needs train and val, so a later one stands in."""
    parts: dict[str, Any] = {}
    for part, split in PARTS.items():
        later = SPLITS[SPLITS.index(split) :]
        stand_in = next((other for other in later if other in splits), None)
        if stand_in == split or part != "test":
            parts[part] = f"{stand_in or next(iter(splits), 'train')}.txt"
    return parts


def _lines(picture: Picture, numbers: LabelNumbers, target: Path, report: Report) -> Iterator[str]:
    if not picture.boxes:
        return
    wide, high = known_size(picture, target)
    for box in inside(picture, (wide, high), report):
        center = ((box.left + box.width / 2) / wide, (box.top + box.height / 2) / high)
        values = (*center, box.width / wide, box.height / high)
        # Rounded, so that a box at the edge is never a hair more than 1, which is refused.
        yield " ".join([str(numbers[box.label]), *(f"{value:.12g}" for value in values)]) + "\n"
