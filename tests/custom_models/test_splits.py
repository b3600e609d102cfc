"""Splits: no group on two sides, each label shared out, near duplicates and bursts found."""

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from rubberduck.custom_models.dataset import SPLITS, Box, Dataset, Picture
from rubberduck.custom_models.interchange.formats import opened, write
from rubberduck.custom_models.interchange.options import WriteOptions
from rubberduck.custom_models.near_duplicates import bursts, difference_hash, near_duplicates
from rubberduck.custom_models.splits import SHARES, groups_of, split
from tests.support.command_line import run_command

Set = tuple[list[frozenset[str]], list[int]]


def random_set(seed: int, most_labels: int) -> Set:
    """Return the labels and groups of up to 400 pictures: rare labels, large groups."""
    chance = random.Random(seed)
    count = chance.randint(1, 400)
    names = [f"label {number}" for number in range(chance.randint(1, 12))]
    weights = [chance.random() ** 3 + 0.01 for _ in names]
    labels = [
        frozenset(chance.choices(names, weights, k=chance.randint(1, most_labels)))
        for _ in range(count)
    ]
    number = chance.randint(1, count)
    return labels, [chance.randrange(number) for _ in range(count)]


def groups_by_label(labels: list[frozenset[str]], groups: list[int]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for own, group in zip(labels, groups, strict=True):
        for label in own:
            found.setdefault(label, set()).add(group)
    return found


def deviations(seed: int, most_labels: int) -> list[float]:
    """Split a random set; return how far each label is from its groups in the test."""
    labels, groups = random_set(seed, most_labels)
    if most_labels == 1:  # a group has one label, as the frames of one object
        first: dict[int, frozenset[str]] = {}
        labels = [first.setdefault(group, own) for own, group in zip(labels, groups, strict=True)]
    names = split(labels, groups, seed=seed)
    sides: dict[int, set[str]] = {}
    for group, name in zip(groups, names, strict=True):
        sides.setdefault(group, set()).add(name)
    assert all(len(found) == 1 for found in sides.values())
    return [
        abs(sum(sides[group] == {"test"} for group in own) - SHARES[2] * len(own))
        for own in groups_by_label(labels, groups).values()
        if len(own) >= 5
    ]


@pytest.mark.parametrize("sets", [50, pytest.param(500, marks=pytest.mark.soak)])
def test_no_group_is_on_two_sides_and_labels_get_their_share(sets: int) -> None:
    """On 1,000 random sets in `make soak`: docs/datasets.md has the figures."""
    single = [value for seed in range(sets) for value in deviations(seed, most_labels=1)]
    assert max(single) <= 1
    several = [value for seed in range(sets) for value in deviations(seed, most_labels=4)]
    assert sum(value > 1 for value in several) <= 0.005 * len(several)
    assert max(several) <= 2


def test_the_seed_decides_and_nothing_else() -> None:
    labels, groups = random_set(7, 3)
    assert split(labels, groups, seed=1) == split(labels, groups, seed=1)
    assert split(labels, groups, seed=1) != split(labels, groups, seed=2)


def test_a_label_of_one_group_is_trained_on_and_a_share_of_zero_stays_empty() -> None:
    labels = [frozenset({"duck"})] * 9 + [frozenset({"goose"})]
    names = split(labels, list(range(10)), shares=(80, 0, 20), seed=3)
    assert names[-1] == "train"
    assert Counter(names) == {"train": 8, "test": 2}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_groups_are_the_connected_pictures(pairs: list[tuple[int, int]]) -> None:
    numbers = groups_of([None] * 31, pairs)
    reachable = [{index} for index in range(31)]
    for _ in range(31):
        for one, other in pairs:
            reachable[one] |= reachable[other]
            reachable[other] |= reachable[one]
    for one in range(31):
        assert {o for o in range(31) if numbers[o] == numbers[one]} == reachable[one]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 20))
def test_near_pairs_are_those_that_comparing_all_finds(seed: int, distance: int) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.integers(0, 256, (40, 16), np.uint8)
    rows[20:] = rows[:20] ^ np.packbits(chance.random((20, 128)) < 0.1, axis=1)
    hashes = [None if index == 3 else row.tobytes() for index, row in enumerate(rows)]
    bits = np.unpackbits(rows, axis=1)
    expected = {
        (one, other)
        for one in range(40)
        for other in range(one + 1, 40)
        if 3 not in {one, other} and int((bits[one] != bits[other]).sum()) <= distance
    }
    found = {(min(pair), max(pair)) for pair in near_duplicates(hashes, distance)}
    assert found == expected


def scene(seed: int) -> Image.Image:
    """Return a picture like no other: blurred noise of 640 x 480 pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)


def test_a_copy_of_a_picture_is_a_near_duplicate_and_another_picture_is_not(tmp_path: Path) -> None:
    copies = {
        "smaller": scene(1).resize((200, 150)),
        "brighter": ImageEnhance.Brightness(scene(1)).enhance(1.1),
        "cropped": scene(1).crop((6, 5, 634, 475)),
    }
    for name, image in copies.items():
        image.save(tmp_path / f"{name}.jpg", quality=50)
    exif = Image.Exif()
    exif[274] = 6
    scene(1).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    for seed in range(1, 12):
        scene(seed).save(tmp_path / f"{seed}.png")
    files = [tmp_path / f"{name}.jpg" for name in (*copies, "turned")]
    files += [tmp_path / f"{seed}.png" for seed in range(1, 12)]
    pairs = list(near_duplicates([difference_hash(file) for file in files]))
    groups = groups_of([None] * len(files), pairs)
    assert groups == [0, 0, 0, 0, 0, *range(1, 11)]


def test_pictures_without_contrast_are_no_duplicates(tmp_path: Path) -> None:
    Image.new("RGB", (99, 99), "white").save(tmp_path / "a.jpg")
    assert difference_hash(tmp_path / "a.jpg") is None


def test_a_burst_is_of_one_camera_and_without_a_pause() -> None:
    start = datetime(2026, 11, 29, 12)
    seconds = [0, 1.5, 9, 3, 100, 1]
    cameras = ["A", "A", "A", "A", "A", "B"]
    shots = [
        (start + timedelta(seconds=s), camera) for s, camera in zip(seconds, cameras, strict=True)
    ]
    groups = groups_of([None] * 7, bursts([*shots, (None, None)]))
    assert groups == [0, 0, 1, 0, 2, 3, 4]


def dataset(folder: Path) -> Path:
    """Write a COCO file of 40 pictures of two labels, in 20 clips, and of one with nothing."""
    pictures = [
        Picture(
            f"clip{n // 2}_{n}.jpg", 640, 480, (Box(("duck", "goose")[n % 4 // 2], 1, 2, 3, 4),)
        )
        for n in range(40)
    ]
    file = folder / "set.json"
    write(Dataset([*pictures, Picture("empty.jpg", 640, 480)]), file, "coco", WriteOptions())
    return file


@pytest.mark.parametrize("to", ["manifest", "coco", "yolo", "voc", "label-studio"])
def test_the_command_writes_the_parts_and_shows_them(app: Flask, to: str, tmp_path: Path) -> None:
    source, target = dataset(tmp_path), tmp_path / "parts"
    words = ["--to", to, "--group-by", "^(clip[0-9]+)_", str(source), str(target)]
    result = run_command(app, "dataset", "split", *words)
    assert result.exit_code == 0, result.output
    assert "41 pictures in 21 groups" in result.output
    assert "warning: nothing in it: no picture for validation and test" in result.output
    rows = [line.split(",") for line in (target / "plan.csv").read_text().splitlines()[1:]]
    assert Counter(row[1] for row in rows) == {"train": 25, "validation": 8, "test": 8}
    assert len({(row[1], row[2]) for row in rows}) == 21
    if to == "yolo":  # its boxes could not be read without the pictures
        lists = {side: (target / f"{side}.txt").read_text() for side in SPLITS}
        found = {(line[9:], side) for side in SPLITS for line in lists[side].splitlines()}
    elif to == "voc":
        with opened(target, to) as written:
            found = {(picture.name, str(picture.split)) for picture in written.pictures}
    else:
        found = set()
        for part in (file for file in target.iterdir() if file.stem in SPLITS):
            with opened(part, to) as written:
                found |= {(picture.name, part.stem) for picture in written.pictures}
    assert found == {(row[0], row[1]) for row in rows}


def test_a_plan_can_be_changed(app: Flask, tmp_path: Path) -> None:
    source, first, second = dataset(tmp_path), tmp_path / "first", tmp_path / "second"
    grouped = ["--group-by", "^(clip[0-9]+)_", str(source)]
    assert run_command(app, "dataset", "split", *grouped, str(first)).exit_code == 0
    plan = first / "plan.csv"
    lines = plan.read_text().splitlines()
    name, side, group = lines[1].split(",")
    other = next(value for value in SPLITS if value != side)
    plan.write_text("\n".join([lines[0], f"{name},{other},{group}", *lines[2:]]))
    words = ["--json", "--plan", str(plan), str(source), str(second)]
    result = run_command(app, "dataset", "split", *words)
    assert result.exit_code == 0, result.output
    assert (
        "1 groups are on two sides: the test is not honest" in json.loads(result.output)["warnings"]
    )
    assert name in (second / f"{other}.manifest").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--group-by", "("], "--group-by: missing )"),
        (["--group-by", "clip"], "it needs a group in parentheses"),
        (["--shares", "0", "50", "50"], "train needs a share"),
        (["--copy"], "--copy needs --pictures"),
    ],
)
def test_a_wrong_option_is_explained(
    app: Flask, options: list[str], message: str, tmp_path: Path
) -> None:
    words = [*options, str(dataset(tmp_path)), str(tmp_path / "parts")]
    result = run_command(app, "dataset", "split", *words)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("line", ["clip0_0.jpg,train", "clip0_0.jpg,training,1", "a,test,x"])
def test_a_broken_plan_is_named_with_its_line(app: Flask, line: str, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(f"name,split,group\n{line}\n")
    words = ["--plan", str(tmp_path / "plan.csv"), str(dataset(tmp_path)), str(tmp_path / "parts")]
    result = run_command(app, "dataset", "split", *words)
    assert result.exit_code == 1
    assert "plan.csv, line 2: it is no line of a plan" in result.output


def test_groups_that_have_a_side_keep_it() -> None:
    labels = [frozenset({"cup" if number % 2 else "ball"}) for number in range(40)]
    groups = list(range(40))
    before = split(labels[:30], groups[:30])
    kept = dict(zip(groups[:30], before, strict=True))
    after = split(labels, groups, kept=kept)
    assert after[:30] == before
    counts = Counter(zip(labels, after, strict=True))
    for label in set(labels):  # and the new ones bring each side its share
        assert [counts[label, side] for side in ("train", "validation", "test")] == [12, 4, 4]
    # A label that is only tested gets a group to learn from, if it has one without a side.
    one = split([frozenset({"cup"})] * 3, [0, 1, 2], kept={0: "test", 1: "test"})
    assert one == ["test", "test", "train"]
