"""ZIP files: what is refused before anything is unpacked, and that a good one is read."""

import stat
import zipfile
from pathlib import Path

import pytest

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.archive import Limits, unpack
from rubberduck.custom_models.interchange.formats import FORMATS, opened, write
from rubberduck.custom_models.interchange.options import WriteOptions
from tests.support.datasets import write_pictures

SMALL = Limits(entries=3, total=3_000_000, single=2_000_000, ratio=100, ratio_from=100_000)


def refused(tmp_path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> str:
    """Return why a ZIP is refused, and check that nothing was unpacked."""
    file, target = tmp_path / "a.zip", tmp_path / "target"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    target.mkdir()
    with pytest.raises(InvalidDataset) as raised:
        unpack(file, target, SMALL)
    assert list(target.iterdir()) == []
    return raised.value.problem


@pytest.mark.parametrize(
    "name",
    ["../a.txt", "/a.txt", "a/../../b.txt", "a\\..\\..\\b.txt", "C:/a.txt", "a//b", "./a", "a\nb"],
)
def test_a_name_outside_the_folder(name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, (name, b"x")) == "the name leaves the folder"


@pytest.mark.parametrize("sign", ["\N{NARROW NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}"])
def test_a_name_with_a_space_that_is_no_blank(sign: str, tmp_path: Path) -> None:
    """Screenshots of macOS have a narrow no-break space before AM and PM."""
    name = f"Screenshot 2026-11-30 at 9.41.00{sign}AM.png"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    unpack(tmp_path / "a.zip", tmp_path / "target", SMALL)
    assert (tmp_path / "target" / name).read_bytes() == b"x"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device(kind: int, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("a.jpg")
    entry.external_attr = (kind | 0o777) << 16
    assert refused(tmp_path, (entry, b"/etc/passwd")) == "it is a link or a device"


def test_bombs(tmp_path: Path) -> None:
    for number, (entries, problem) in enumerate(
        [
            ([("a", b"0" * 200_000)], "packed to less than"),
            ([("a", bytes(range(256)) * 9_000)], "larger than 2,000,000 bytes"),
            ([(str(i), b"x" * 1_600_000) for i in range(2)], "files are larger than"),
            ([(str(i), b"") for i in range(4)], "holds 4 files"),
            ([("a" * 250 + str(i), b"") for i in range(4)], "list of contents is too long"),
            ([("a.jpg", b"1"), ("A.jpg", b"2")], "appears twice"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert problem in refused(folder, *entries)


def test_an_archive_that_lies_about_its_sizes(tmp_path: Path) -> None:
    """The declared size in the list of contents is 10, the data has 50,000 bytes."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", bytes(50_000))
    data = bytearray(file.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    file.write_bytes(data)
    (tmp_path / "target").mkdir()
    with pytest.raises(InvalidDataset, match=r"a\.zip"):
        unpack(file, tmp_path / "target", SMALL)


@pytest.mark.parametrize("cut", [5, 30, 60])
def test_an_incomplete_archive(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", b"text")
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(InvalidDataset):
        unpack(file, tmp_path)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("folder", ["", "export/"])
def test_a_zip_of_each_format_is_read(format: str, folder: str, tmp_path: Path) -> None:
    picture = Picture("sub/a.jpg", 60, 40, (Box("duck", 3, 4, 5, 6),))
    write_pictures(tmp_path / "pictures", [picture])
    kind = FORMATS[format]
    target = tmp_path / "set" / ("" if kind.is_folder else f"a.{format}.json")
    write(Dataset([picture]), target, format, WriteOptions(pictures=tmp_path / "pictures"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in (tmp_path / "set").rglob("*"):
            if file.is_file():
                archive.write(file, folder + file.relative_to(tmp_path / "set").as_posix())
    with opened(tmp_path / "a.zip") as dataset:
        assert list(dataset.pictures) == [picture]
