"""YOLO's folders: a text file of boxes beside each picture, as ultralytics documents them.

A line is `class x_center y_center width height`, fractions of the *upright* picture: ultralytics
turns photos by Exif before it applies them. An empty file is a picture with nothing in it; a
picture without a file was not labelled yet, but ultralytics trains on it as an empty one, so such
pictures are left out of an export. The fractions need the sizes, so the picture files, for reading.

data.yaml names the classes and the parts train, val and test: folders, or lists of pictures. A
folder with classes.txt, as labelImg writes it, is read too.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any

import yaml
from pydantic import BaseModel, Field, TypeAdapter

from rubberduck.custom_models.dataset import (
    SPLITS,
    Box,
    Dataset,
    InvalidDataset,
    LabelNumbers,
    Picture,
    Report,
    parse,
)
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
    tidy,
    to_write,
)
from rubberduck.custom_models.pictures import SUFFIXES, PictureFolder, is_safe, safe_name

MAX_FILE = 10_000_000  # bytes of a text file
ADVICE = "Correct the file"
NULL = ("~", "null")  # what YAML's BaseLoader leaves as a text
PARTS = dict(zip(("train", "val", "test"), SPLITS, strict=True))


class Yaml(BaseModel):
    names: list[str] | dict[Annotated[int, Field(ge=0)], str]
    train: str | list[str] | None = None
    val: str | list[str] | None = None
    test: str | list[str] | None = None


YAML = TypeAdapter(Yaml)


def read(path: Path, options: ReadOptions) -> Dataset:
    """Return the data set of a folder, or of a data.yaml. Raises InvalidDataset."""
    root = path if path.is_dir() else path.parent
    config = root / "data.yaml" if path.is_dir() else path
    if config.exists():
        names, parts = _read_yaml(config)
    else:
        file = root / "classes.txt"
        names = {i: line for i, line in enumerate(_text(file).splitlines()) if line.strip()}
        parts = {"train": ["images" if (root / "images").is_dir() else "."]}
    folder = root / "images" if (root / "images").is_dir() else root
    options = replace(options, pictures=options.pictures or folder)
    dataset = Dataset(labels=list(dict.fromkeys(names.values())))
    dataset.pictures = _pictures(root, names, parts, dataset, options)
    return dataset


def _read_yaml(path: Path) -> tuple[dict[int, str], dict[str, list[str]]]:
    try:
        # BaseLoader keeps a class called no or 1 a text; safe_load makes it False or a number.
        value = yaml.load(_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = f"it is not YAML: {str(error).splitlines()[0]}"
        raise InvalidDataset(path, "", problem, ADVICE) from None
    config = parse(YAML, value, path, "", ADVICE)
    names = config.names if isinstance(config.names, dict) else dict(enumerate(config.names))
    parts: dict[str, list[str]] = {}
    for part in PARTS:
        listed = getattr(config, part) or []
        listed = [] if listed in NULL else listed
        listed = [listed] if isinstance(listed, str) else listed
        # A list that serves as two parts is no split; `write` lets it stand for an earlier one.
        parts = {other: value for other, value in parts.items() if value != listed}
        if listed:
            parts[part] = listed
    return names, parts


def _text(path: Path) -> str:
    with open_input(path) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise InvalidDataset(path, "", f"it is larger than {MAX_FILE:,} bytes", "Split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDataset(path, "", "it is not UTF-8", "Save it as UTF-8") from None


def _pictures(
    root: Path,
    names: dict[int, str],
    parts: dict[str, list[str]],
    dataset: Dataset,
    options: ReadOptions,
) -> Iterator[Picture]:
    finisher = Finisher(dataset, root, options)
    for part, listed in parts.items():
        split = PARTS[part] if len(parts) > 1 else None
        for image in (image for entry in listed for image in _listed(root, entry)):
            name, file = image.removeprefix("images/"), PictureFolder(root).at(image)
            picture = Picture(name, split=split, place=image, file=file)
            width, height = finisher.size(picture)
            picture = replace(picture, width=width, height=height)
            labels = root / _label_file(image)
            if labels.is_file():
                boxes = tuple(_boxes(labels, picture, names, dataset.report))
                picture = replace(picture, boxes=boxes)
            else:
                picture = replace(picture, labelled=False)
            yield finisher.finish(picture)


def _listed(root: Path, entry: str) -> Iterator[str]:
    """Yield the pictures of a folder or of a list, as paths below `root`."""
    # Roboflow writes ../train/images for the folder beside data.yaml; ultralytics allows for it.
    entry = entry.removeprefix("../").removeprefix("./").rstrip("/") or "."
    if entry != "." and not is_safe(entry):
        problem = f"{entry!r} lies outside the folder"
        raise InvalidDataset(root / "data.yaml", "", problem, "Name folders below that of the file")
    if entry.endswith(".txt"):
        for number, line in enumerate(_text(root / entry).splitlines(), 1):
            name = line.strip().removeprefix("./")
            if name and not is_safe(name):
                problem = f"{name!r} lies outside the folder"
                raise InvalidDataset(root / entry, f"line {number}", problem, ADVICE)
            if name:
                yield name
        return
    folder = root / entry
    if not folder.is_dir():
        raise InvalidDataset(root, "", f"the folder {entry!r} does not exist", "Correct data.yaml")
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES and not file.is_symlink():
            yield file.relative_to(root).as_posix()


def _label_file(image: str) -> str:
    """Return where ultralytics looks for the boxes of a picture.

    >>> _label_file("images/train/a.jpg"), _label_file("a.jpg")
    ('labels/train/a.txt', 'a.txt')
    """
    before, images, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if images else image
    return Path(path.lstrip("/")).with_suffix(".txt").as_posix()


def _boxes(file: Path, picture: Picture, names: dict[int, str], report: Report) -> Iterator[Box]:
    for number, line in enumerate(_text(file).splitlines(), 1):
        place = f"line {number}"
        words = line.split()
        if not words:
            continue
        try:
            label, numbers = names[int(words[0])], [float(word) for word in words[1:]]
        except KeyError:
            raise InvalidDataset(file, place, f"the class {words[0]} has no name", ADVICE) from None
        except ValueError:
            raise InvalidDataset(file, place, "not a class and numbers", ADVICE) from None
        if not all(0 <= value <= 1 for value in numbers):
            problem = "a number is not between 0 and 1"
            raise InvalidDataset(file, place, problem, "Divide pixels by the picture's sides")
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
