"""The picture files beside a data set: their size, Exif turn and time, from the header alone."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from unicodedata import category

from PIL import Image

from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.turns import turned_size
from rubberduck.imaging.orientation import BROKEN, exif_orientation

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
# What systems put into folders and archives.
IGNORED = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
EXIF_IFD, CAMERA, TAKEN, SUBSECONDS = 0x8769, 0x0110, 0x9003, 0x9291


@dataclass(frozen=True, slots=True)
class PictureFile:
    """`width` and `height` are those of the upright picture; `taken` is the camera's local time."""

    path: Path
    format: str
    bytes: int
    width: int
    height: int
    turn: int
    taken: datetime | None = None
    camera: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def stored_size(self) -> tuple[int, int]:
        return turned_size(self.width, self.height, self.turn)


def read_header(path: Path) -> PictureFile:
    """Return what the header of a picture file says. Raises InvalidDataset if it is none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            turn = exif_orientation(image)
            turn = turn if turn in range(1, 9) else 1
            width, height = turned_size(*image.size, turn)
            taken, camera = _taken(image)
            kind = image.format or ""
    except (*BROKEN, Image.DecompressionBombError) as error:
        problem = f"it cannot be read as a picture ({error})"
        raise InvalidDataset(path, "", problem, "Replace the file, or remove it") from None
    return PictureFile(path, kind, path.stat().st_size, width, height, turn, taken, camera)


def _taken(image: Image.Image) -> tuple[datetime | None, str | None]:
    try:
        exif = image.getexif()
        details = exif.get_ifd(EXIF_IFD)
        written = str(details[TAKEN]).strip("\0 ")
        taken = datetime.strptime(written, "%Y:%m:%d %H:%M:%S")
        part = str(details.get(SUBSECONDS, "")).strip("\0 ")
        if part.isdigit():
            taken = taken.replace(microsecond=int(f"{part:0<6.6}"))
        return taken, str(exif.get(CAMERA, "")).strip("\0 ")
    except BROKEN:
        return None, None


class PictureFolder:
    """Find the files of a data set's pictures below a folder, and never outside it.

    Data sets name pictures with more or fewer folders than the files lie in here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def at(self, name: str) -> Path | None:
        """Return the file at exactly this path below the folder, or None."""
        path = self.folder / name
        return path if is_safe(name) and path.is_file() and not path.is_symlink() else None

    def find(self, name: str) -> Path | None:
        """Return the file of the picture `name` (a path or an s3:// address), or None.

        If it is not at this path: the only file of this name, or the one that shares most of the
        folders before it. Of several that share as many, only one in the folder itself is taken;
        none if the folder of the name is here and has other pictures: then this one is missing.
        """
        local = local_name(name)
        if path := self.at(local):
            return path
        folder, _, file_name = local.rpartition("/")
        if folder in self._with_pictures:
            return None
        paths = self._by_file_name.get(file_name, [])
        shared = [_shared_parts(path.split("/"), local) for path in paths]
        best = [path for path, n in zip(paths, shared, strict=True) if n == max(shared)]
        if len(best) == 1:
            return self.folder / best[0]
        return self.at(file_name) if file_name in best else None

    @cached_property
    def _by_file_name(self) -> dict[str, list[str]]:
        """Return file name → paths below the folder."""
        found: dict[str, list[str]] = {}
        for path in wanted_files(self.folder):
            found.setdefault(path.name, []).append(path.relative_to(self.folder).as_posix())
        return found

    @cached_property
    def _with_pictures(self) -> set[str]:
        """Return the folders below that hold pictures themselves."""
        paths = (Path(path) for each in self._by_file_name.values() for path in each)
        found = {path.parent.as_posix() for path in paths if path.suffix.lower() in SUFFIXES}
        return found - {"."}

    def header(self, name: str) -> PictureFile | None:
        path = self.find(name)
        return None if path is None else read_header(path)


def _shared_parts(parts: list[str], name: str) -> int:
    """Return how many of the last parts of two paths agree."""
    pairs = zip(reversed(parts), reversed(name.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def wanted_files(folder: Path) -> list[Path]:
    """Return the files below a folder in their order: no links, nothing that systems put there."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if is_wanted(path.relative_to(folder)) and path.is_file() and not path.is_symlink()
    ]


def is_wanted(path: Path) -> bool:
    return not any(part in IGNORED or part.startswith("._") for part in path.parts)


def local_name(name: str) -> str:
    """Return the path of a picture below a folder: of an s3:// address, its key.

    >>> local_name("s3://duck-bkt/in/a b.jpg"), local_name("in/a b.jpg")
    ('in/a b.jpg', 'in/a b.jpg')
    """
    if name.startswith("s3://"):
        return name[5:].partition("/")[2]
    return name


# Control characters, halves of surrogate pairs, separators of lines and paragraphs.
UNSAFE = {"Cc", "Cs", "Zl", "Zp"}


def is_safe(name: str) -> bool:
    """Tell whether `name` is a relative path that stays below its folder on every system.

    No-break spaces are fine: macOS writes one into the names of screenshots.

    >>> [is_safe(name) for name in ("a/b.jpg", "../b.jpg", "/b.jpg", "C:\\\\b.jpg", "a//b", "")]
    [True, False, False, False, False, False]
    """
    parts = name.split("/")
    unsafe = any(char in "\\:" or category(char) in UNSAFE for char in name)
    return not unsafe and all(part not in ("", ".", "..") for part in parts)


def safe_name(name: str, file: object) -> str:
    """Return the picture's path below a folder to write. Raises InvalidDataset if it leaves it."""
    local = local_name(name)
    if is_safe(local):
        return local
    problem = f"the picture's name {name!r} cannot be a path below a folder"
    raise InvalidDataset(file, "", problem, "Rename the picture")
