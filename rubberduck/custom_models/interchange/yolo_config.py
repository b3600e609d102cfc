"""The file that names the classes and parts of a YOLO data set.

Ultralytics' is a YAML file of any name. Darknet's obj.data names a list of classes and lists of
pictures; CVAT writes its paths from a folder `data` that its export does not have. labelImg and
Label Studio write a list of classes alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import exists  # which takes names that are too long, too
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, TypeAdapter

from rubberduck.custom_models.dataset import InvalidDataset, parse
from rubberduck.custom_models.interchange.options import open_input, read_head
from rubberduck.custom_models.pictures import is_safe, wanted_files

MAX_FILE = 10_000_000  # bytes of a text file
ADVICE = "Correct the file"
MAX_STEPS = 8  # of a path of another machine: folders that may be here
NULL = ("~", "null")  # what YAML's BaseLoader leaves as a text
PARTS = ("train", "val", "test")
YAML_SUFFIXES = {".yaml", ".yml"}
UNAMBIGUOUS = {"data.yaml", "obj.data"}
LINE = re.compile(rb"\s*\d+(\.0+)?([ \t]+[\d.eE+-]+){4,}\s*")
NAMES = re.compile(rb"""^["']?names["']?\s*:""", re.MULTILINE)


class Yaml(BaseModel):
    names: list[str] | dict[Annotated[int, Field(ge=0)], str]
    path: str = ""
    kpt_shape: Any = None
    train: str | list[str] | None = None
    val: str | list[str] | None = None
    test: str | list[str] | None = None


YAML = TypeAdapter(Yaml)


@dataclass(frozen=True)
class Config:
    """Names by number, and part → folders or lists of pictures, as paths below `root`.

    With `has_key_points`, those follow the four numbers of each box.
    """

    file: Path
    root: Path
    names: dict[int, str]
    parts: dict[str, list[str]]
    has_key_points: bool = False


def find_config(folder: Path) -> Path | None:
    """Return the file that names the classes, the one nearest to the top; None if there is none."""
    for name in ("data.yaml", "classes.txt"):
        if (folder / name).exists():
            return folder / name
    files = sorted(wanted_files(folder), key=lambda file: len(file.parts))
    for is_config in (_is_yaml, _is_darknet, _is_list_of_classes):
        if found := next(filter(is_config, files), None):
            return found
    return None


def is_yolo(folder: Path) -> bool:
    """Return whether a folder is surely YOLO's: data sets of other formats list classes, too."""
    config = find_config(folder)
    if config is None:
        return False
    return config.name in UNAMBIGUOUS or any(map(has_boxes, wanted_files(folder)))


def has_boxes(file: Path) -> bool:
    """Return whether a text file has YOLO's boxes."""
    lines = read_head(file).splitlines()[:20] if file.suffix.lower() == ".txt" else []
    return bool(lines) and all(LINE.fullmatch(line) for line in lines)


def _is_yaml(file: Path) -> bool:
    if file.suffix.lower() not in YAML_SUFFIXES or not NAMES.search(read_head(file)):
        return False
    try:
        value = _load(file)
    except InvalidDataset:
        return False
    return isinstance(value, dict) and "names" in value


def _is_darknet(file: Path) -> bool:
    return file.name == "obj.data"


def _is_list_of_classes(file: Path) -> bool:
    return file.name in {"classes.txt", "obj.names"}


def read_config(path: Path) -> Config:
    """Return what a folder's config says, or the file `path`. Raises InvalidDataset."""
    file = find_config(path) if path.is_dir() else path
    top = path if path.is_dir() else path.parent
    if file is None:
        problem = "it has neither a YAML file with names, nor obj.data, nor classes.txt"
        raise InvalidDataset(path, "", problem, "Add the file that names the classes")
    if _is_darknet(file):
        return _read_darknet(file)
    if _is_list_of_classes(file):
        root = file.parent.parent if file.parent.name == "labels" else file.parent
        return Config(file, root, _read_names(file), _all_pictures(root))
    return _read_yaml(file, top)


def _all_pictures(root: Path) -> dict[str, list[str]]:
    return {"train": ["images" if (root / "images").is_dir() else "."]}


def _read_names(file: Path) -> dict[int, str]:
    return {i: line.strip() for i, line in enumerate(read_text(file).splitlines()) if line.strip()}


def _read_darknet(file: Path) -> Config:
    root, said = file.parent, {}
    for line in read_text(file).splitlines():
        key, equals, value = (word.strip() for word in line.partition("="))
        if equals and value:
            is_here = is_safe(value) and exists(root / value)
            said[key] = value if is_here else value.rpartition("/")[2]
    list_of_names = said.get("names", "obj.names")
    if not is_safe(list_of_names):
        problem = f"{list_of_names!r} lies outside the folder"
        raise InvalidDataset(file, "names", problem, "Name a file of the data set")
    names = _read_names(root / list_of_names)
    keys = {"train": "train", "val": "valid", "test": "test"}
    parts = {part: [said[key]] for part, key in keys.items() if key in said}
    return Config(file, root, names, parts or _all_pictures(root))


def _load(file: Path) -> Any:
    try:
        # BaseLoader keeps a class called no or 1 a text; safe_load makes it False or a number.
        return yaml.load(read_text(file), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = f"it is not YAML: {str(error).splitlines()[0]}"
        raise InvalidDataset(file, "", problem, ADVICE) from None


def _read_yaml(file: Path, top: Path) -> Config:
    config = parse(YAML, _load(file), file, "", ADVICE)
    names = config.names if isinstance(config.names, dict) else dict(enumerate(config.names))
    parts: dict[str, list[str]] = {}
    for part in PARTS:
        listed = getattr(config, part) or []
        listed = [] if listed in NULL else listed
        listed = [listed] if isinstance(listed, str) else listed
        # A list that serves as two parts is no split; `write` lets it stand for an earlier one.
        parts = {other: value for other, value in parts.items() if value != listed}
        if listed:
            parts[part] = [_below_root(entry) for entry in listed]
    entries = [entry for listed in parts.values() for entry in listed]
    folders = _possible_roots(file, top, config.path)
    root = next((r for r in folders if any(exists(r / e) for e in entries)), file.parent)
    has_key_points = config.kpt_shape not in (None, "", *NULL)
    return Config(file, root, names, parts or _all_pictures(root), has_key_points)


def _below_root(entry: str) -> str:
    # Roboflow writes ../train/images for the folder beside data.yaml; ultralytics allows for it.
    return entry.removeprefix("../").removeprefix("./").rstrip("/") or "."


def _possible_roots(file: Path, top: Path, stated: str) -> Iterator[Path]:
    """Yield the folders below `top` that the YAML file's `path` may mean, the likeliest first.

    It is often that of another machine, of which only the last folders are here.
    """
    if "\0" in stated:  # no file system has such a name
        stated = ""
    direct = (file.parent / stated).resolve()
    if direct.is_relative_to(top.resolve()):
        yield direct
    steps = [step for step in stated.replace("\\", "/").split("/") if is_safe(step)][-MAX_STEPS:]
    for base in (file.parent, top):
        yield from (base.joinpath(*steps[first:]) for first in range(len(steps)))
        yield base


def read_text(file: Path) -> str:
    with open_input(file) as opened:
        data = opened.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise InvalidDataset(file, "", f"it is larger than {MAX_FILE:,} bytes", "Split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDataset(file, "", "it is not UTF-8", "Save it as UTF-8") from None
