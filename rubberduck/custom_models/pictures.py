"""The picture files beside a data set: their size, Exif turn and time, from the header alone."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from PIL import Image

from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.turns import turned_size
from rubberduck.imaging.orientation import BROKEN, exif_orientation

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
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
    """Find the files of a data set's pictures in a folder, and never outside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Path | None:
        """Return the file of the picture `name` (a path or an s3:// address), or None."""
        for candidate in (local_name(name), PurePosixPath(local_name(name)).name):
            path = self.folder / candidate
            if is_safe(candidate) and path.is_file() and not path.is_symlink():
                return path
        return None

    def header(self, name: str) -> PictureFile | None:
        path = self.find(name)
        return None if path is None else read_header(path)


def local_name(name: str) -> str:
    """Return the path of a picture below a folder: of an s3:// address, its key.

    >>> local_name("s3://duck-bkt/in/a b.jpg"), local_name("in/a b.jpg")
    ('in/a b.jpg', 'in/a b.jpg')
    """
    if name.startswith("s3://"):
        return name[5:].partition("/")[2]
    return name


def is_safe(name: str) -> bool:
    """Tell whether `name` is a relative path that stays below its folder on every system.

    >>> [is_safe(name) for name in ("a/b.jpg", "../b.jpg", "/b.jpg", "C:\\\\b.jpg", "a//b", "")]
    [True, False, False, False, False, False]
    """
    parts = name.split("/")
    unsafe = any(char in name for char in "\\:\0") or not name.isprintable()
    return not unsafe and all(part not in ("", ".", "..") for part in parts)


def safe_name(name: str, file: object) -> str:
    """Return the picture's path below a folder to write. Raises InvalidDataset if it leaves it."""
    local = local_name(name)
    if is_safe(local):
        return local
    problem = f"the picture's name {name!r} cannot be a path below a folder"
    raise InvalidDataset(file, "", problem, "Rename the picture")
