"""Pascal VOC: pixels counted from 1, hostile XML, faults."""

from pathlib import Path

import pytest

from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import WriteOptions

# From VOC2007's 000005.xml, as its development kit has it.
CHAIR = """<annotation><folder>VOC2007</folder><filename>000005.jpg</filename>
<size><width>500</width><height>375</height><depth>3</depth></size>
<object><name>chair</name><pose>Rear</pose><truncated>0</truncated><difficult>{difficult}</difficult>
<bndbox><xmin>{xmin}</xmin><ymin>211</ymin><xmax>{xmax}</xmax><ymax>339</ymax></bndbox>
</object></annotation>"""


def read(tmp_path: Path, text: str) -> Dataset:
    (tmp_path / "Annotations").mkdir(parents=True)
    (tmp_path / "Annotations" / "000005.xml").write_text(text)
    with opened(tmp_path) as dataset:
        dataset.pictures = list(dataset.pictures)
    return dataset


def chair(difficult: object = 0, xmin: object = 263, xmax: object = 324) -> str:
    return CHAIR.format(difficult=difficult, xmin=xmin, xmax=xmax)


def test_pixels_are_counted_from_1_and_the_last_is_inside(tmp_path: Path) -> None:
    dataset = read(tmp_path, chair())
    assert dataset.pictures == [Picture("000005.jpg", 500, 375, (Box("chair", 262, 210, 62, 129),))]
    assert dataset.labels == ["chair"]


def test_a_box_over_the_whole_picture_is_1_to_the_side(tmp_path: Path) -> None:
    picture = Picture("a.jpg", 500, 375, (Box("duck", 0, 0, 500, 375),))
    write(Dataset([picture]), tmp_path / "set", "voc", WriteOptions())
    text = (tmp_path / "set" / "Annotations" / "a.xml").read_text()
    for expected in ("<xmin>1<", "<ymin>1<", "<xmax>500<", "<ymax>375<"):
        assert expected in text


def test_fractions_are_read_and_difficult_is_named(tmp_path: Path) -> None:
    """VOC2011 has boxes such as xmin 45.70."""
    dataset = read(tmp_path, chair(difficult=1, xmin=45.75, xmax=324.5))
    (picture,) = dataset.pictures
    assert picture.boxes == (Box("chair", 44.75, 210, 279.75, 129),)
    assert dataset.report.lines() == ["the mark 'difficult' is left out (once, first: 000005.xml)"]


ENTITIES = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotation>&b;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTITIES, r"000005\.xml: it is not plain XML"),
        (OUTSIDE, r"000005\.xml: it is not plain XML"),
        ("<annotation>", "it is not plain XML: no element found"),
        ("", "it is not plain XML"),
        ("<annotations/>", "it is no Pascal VOC file: it begins with <annotations>"),
        (chair(xmin="left"), "object 1: bndbox/xmin is 'left' instead of a number"),
        (chair(xmin="nan"), "object 1: bndbox/xmin is 'nan'"),
        (chair(xmin=325, xmax=324), "object 1: its xmax or ymax is below its minimum"),
        (chair().replace("<name>chair</name>", ""), "object 1: it has no name"),
    ],
)
def test_a_fault_is_named_with_its_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataset, match=message):
        read(tmp_path, text)


def test_the_years_of_a_voc_devkit_are_imported_one_by_one(tmp_path: Path) -> None:
    """Each has a split of its own, and masks that are no pictures of the set."""
    for year in ("VOC2007", "VOC2012"):
        (tmp_path / year / "ImageSets" / "Main").mkdir(parents=True)
        (tmp_path / year / "ImageSets" / "Main" / "train.txt").write_text("000005\n")
        read(tmp_path / year, chair())
    refused = pytest.raises(InvalidDataset, match=r"VOC2007, VOC2012.*Import each of them alone")
    with refused, opened(tmp_path):
        pass


def test_a_filename_never_leads_elsewhere(tmp_path: Path) -> None:
    text = chair().replace("000005.jpg", "C:\\Users\\duck\\..\\..\\a.jpg")
    assert [picture.name for picture in read(tmp_path, text).pictures] == ["a.jpg"]


@pytest.mark.parametrize("label", ["a\x00b", "a\nb", "\ud800", "\ufffe"])
def test_a_label_that_xml_cannot_hold_is_refused(label: str, tmp_path: Path) -> None:
    picture = Picture("a.jpg", 500, 375, (Box(label, 0, 0, 5, 5),))
    with pytest.raises(InvalidDataset, match="a character that XML cannot"):
        write(Dataset([picture]), tmp_path / "set", "voc", WriteOptions())
