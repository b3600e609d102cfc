"""Unpack a ZIP of a data set into an empty folder, within limits that are set before.

`zipfile.extractall` cleans up `..` and absolute names instead of refusing them, and has no limit on
sizes. The sizes that the archive declares are not trusted: the bytes are counted as they come. The
list of contents is limited before zipfile reads it, since it keeps some 500 bytes for each entry.
"""

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.pictures import is_safe

CHUNK = 1 << 20
END, END_64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
END_SIZE, MAX_COMMENT = 22, 65_535


@dataclass(frozen=True)
class Limits:
    """Of one archive: entries, bytes of all files together, bytes of one, and how often smaller.

    Pictures hardly shrink; text does, so a ratio counts only above `ratio_from` bytes.
    """

    entries: int = 100_000
    total: int = 20_000_000_000
    single: int = 1_000_000_000
    ratio: int = 200
    ratio_from: int = 10_000_000


def is_zip(path: Path) -> bool:
    return path.is_file() and zipfile.is_zipfile(path)


def unpack(path: Path, target: Path, limits: Limits | None = None) -> None:
    """Unpack into the folder `target`. Raises InvalidDataset, and may leave files behind then."""
    limits = limits or Limits()
    _check_directory(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive.infolist(), limits)
            left = limits.total
            for entry in archive.infolist():
                if not entry.is_dir():
                    left -= _extract(path, archive, entry, target, min(left, limits.single))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        problem = f"it cannot be unpacked: {error}"
        raise InvalidDataset(path, "", problem, "Pack it again as a plain ZIP") from None


def _check_directory(path: Path, limits: Limits) -> None:
    """Refuse a list of contents that is too long, before anything reads it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END_SIZE - MAX_COMMENT))
        tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + END_SIZE:
        raise InvalidDataset(path, "", "it is no complete ZIP", "Send it again")
    entries, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    if END_64_LOCATOR in tail or entries == 0xFFFF or length == 0xFFFFFFFF:
        # More than 65,534 entries or 4 GB: the directory's length is bounded by the file's tail.
        length = size - _zip64_start(path, tail, size)
    if length > limits.entries * 300:  # 46 bytes and a name each
        problem = "its list of contents is too long"
        raise InvalidDataset(path, "", problem, f"Send at most {limits.entries:,} files at once")


def _zip64_start(path: Path, tail: bytes, size: int) -> int:
    """Return where the directory of a ZIP64 archive starts."""
    at = tail.rfind(END_64_LOCATOR)
    try:
        (record,) = struct.unpack("<Q", tail[at + 8 : at + 16])
        with path.open("rb") as file:
            file.seek(record)
            (start,) = struct.unpack("<Q", file.read(56)[48:56])
    except (struct.error, OSError, OverflowError, ValueError):
        raise InvalidDataset(path, "", "it is no complete ZIP", "Send it again") from None
    return min(int(start), size)


def _check_entries(path: Path, entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Raise InvalidDataset for what must not be unpacked, before the first file is."""

    def refuse(place: str, problem: str, advice: str) -> None:
        raise InvalidDataset(path, place, problem, advice)

    if len(entries) > limits.entries:
        refuse("", f"it holds {len(entries):,} files", f"Send at most {limits.entries:,} at once")
    if sum(entry.file_size for entry in entries) > limits.total:
        refuse("", f"its files are larger than {limits.total:,} bytes", "Send it in parts")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename.rstrip("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        # zipfile has replaced backslashes on Windows only, and cut names at a NUL byte.
        if not is_safe(name) or entry.orig_filename != entry.filename:
            refuse(ascii(entry.orig_filename), "the name leaves the folder", "Pack it again")
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            refuse(name, "it is a link or a device", "Pack the files themselves")
        if entry.flag_bits & 1:
            refuse(name, "it is encrypted", "Pack it without a password")
        if name.casefold() in seen:
            refuse(name, "the name appears twice", "Rename one of the two")
        if entry.file_size > limits.single:
            refuse(name, f"it is larger than {limits.single:,} bytes", "Leave it out")
        if entry.file_size > max(limits.ratio_from, limits.ratio * entry.compress_size):
            refuse(name, f"it was packed to less than 1/{limits.ratio}", "Leave it out")
        seen.add(name.casefold())


def _extract(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int
) -> int:
    """Write one file and return its bytes. Raises InvalidDataset if it has more than declared."""
    file = target / entry.filename
    written = 0
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as packed, file.open("xb") as unpacked:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > most:
                    problem = "it is larger than the archive says"
                    raise InvalidDataset(path, entry.filename, problem, "Pack it again")
                unpacked.write(chunk)
    except OSError as error:  # a file where a folder is needed, a name too long, a full disk
        problem = f"it cannot be written: {error.strerror or error}"
        raise InvalidDataset(path, entry.filename, problem, "Rename it, or free space") from None
    return written
