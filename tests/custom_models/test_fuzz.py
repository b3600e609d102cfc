"""Broken files of every JSON format: an InvalidDataset with a place, and never another error."""

import contextlib
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubberduck.custom_models.check_line import check_line
from rubberduck.custom_models.dataset import Box, Dataset, InvalidDataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import WriteOptions

PICTURES = [
    Picture("a.jpg", 60, 40, (Box("duck", 3, 4, 5, 6, True), Box("goose", 0, 0, 9, 9))),
    Picture("b.jpg", 60, 40),
    Picture("c.jpg", 60, 40, labels=("bath",)),
    Picture("d.jpg", labelled=False),
]
NUMBERS = st.sampled_from([0, -1, 1, 2**62, 2**70, 1e308, -1e-308, float("nan"), float("inf")])
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=3), st.just([]), st.just({}), st.just([[]])
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a JSON document."""
    if not isinstance(value, dict | list):
        return []
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        found for key, child in inside for found in [(*path, key), *places(child, (*path, key))]
    ]


def damaged(document: Any, data: st.DataObject) -> Any:
    """Return the document with up to three values replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        if known := places(document):
            *steps, last = data.draw(st.sampled_from(known))
            target = document
            for step in steps:
                target = target[step]
            if isinstance(target, dict) and data.draw(st.booleans()):
                del target[last]
            else:
                target[last] = copy.deepcopy(data.draw(VALUES))
    return document


@pytest.mark.parametrize("format", ["manifest", "coco", "label-studio"])
@settings(max_examples=20)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(format: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(Dataset(PICTURES), folder / "good", format, WriteOptions())
        text = (folder / "good").read_text()
        if format == "manifest":
            lines = [json.loads(line) for line in text.splitlines()]
            broken = "\n".join(json.dumps(line) for line in damaged(lines, data))
        else:
            broken = json.dumps(damaged(json.loads(text), data))
        (folder / "bad").write_text(broken)
        for to in ("manifest", "coco", "voc"):
            with contextlib.suppress(InvalidDataset), opened(folder / "bad", format) as dataset:
                write(dataset, folder / f"again.{to}", to, WriteOptions())


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_line_is_checked(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "good"
        write(Dataset(PICTURES[:1]), file, "manifest", WriteOptions(prefix="s3://bucket/"))
        line = json.loads(file.read_text())
    checked = check_line(json.dumps(damaged(line, data)).encode())
    assert all(isinstance(code, str) for code, _ in checked.faults)
