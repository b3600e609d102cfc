"""`flask faces`: text, JSON and marked pictures, and nothing stored."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_command
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.faces import face_detail
from tests.support.fake_faces import FakeFaces, two_faces
from tests.support.pictures import corners, encoded
from tests.support.visitor import Visit


@pytest.fixture
def app(settings: Settings, pipeline: Pipeline) -> Flask:
    finders = FakeFaces(*two_faces()).finders
    return create_app(settings, pipeline=replace(pipeline, open_faces=finders))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with one picture, and one that is none."""
    (folder := tmp_path / "party").mkdir()
    (folder / "us.jpg").write_bytes(encoded(corners(640, 480)))
    (folder / "void.jpg").write_bytes(b"quack")
    return folder


def test_each_face_is_a_line(app: Flask, pictures: Path) -> None:
    done = run_command(app, "faces", str(pictures / "us.jpg"))
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{pictures}/us.jpg: 2 faces were found. Smiling: 1.",
        "  1: smiles, looks happy, 25–33",
        "  2: looks calm, 25–33",
    ]


def test_one_line_of_json_for_each_file_and_errors_among_them(app: Flask, pictures: Path) -> None:
    done = run_command(app, "faces", "--json", str(pictures))
    assert done.exit_code == 1
    found, failed = map(json.loads, done.stdout.splitlines())
    assert (found["error"], found["faces"][0]["emotions"][0]["name"]) == (None, "HAPPY")
    assert failed["faces"] == []
    assert "not a picture we can read" in failed["error"]


def test_marked_pictures_are_written_and_none_is_overwritten(
    app: Flask, pictures: Path, tmp_path: Path
) -> None:
    command = "faces", "--marked", str(tmp_path / "out"), str(pictures / "us.jpg")
    assert run_command(app, *command).exit_code == 0
    with Image.open(BytesIO((tmp_path / "out" / "us-faces.jpg").read_bytes())) as image:
        assert image.size == (640, 480)
    again = run_command(app, *command)
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_where_faces_are_off_it_says_how_to_switch_them_on(
    settings: Settings, pipeline: Pipeline, pictures: Path
) -> None:
    done = run_command(create_app(settings, pipeline=pipeline), "faces", str(pictures))
    assert done.exit_code == 2
    assert "DUCK_FACES=1" in done.output


def test_the_price_is_confirmed_where_amazon_answers(
    visit: Visit, custom_labels: FakeCustomLabels, pictures: Path
) -> None:
    custom_labels.faces.seen = [face_detail(0.1)]
    app = visit(faces="on").application
    file = str(pictures / "us.jpg")
    refused = run_command(app, "faces", file)
    assert refused.exit_code == 2
    assert "for about $0.001. Add --yes" in refused.output
    assert custom_labels.faces.billed == 0
    assert "1: smiles, looks happy, 22–30" in run_command(app, "faces", "--yes", file).output


def test_nothing_is_paid_for_a_marked_picture_that_exists_already(
    visit: Visit, custom_labels: FakeCustomLabels, pictures: Path, tmp_path: Path
) -> None:
    (out := tmp_path / "out").mkdir()
    (out / "us-faces.jpg").write_bytes(b"mine")
    app = visit(faces="on").application
    command = "faces", "--yes", "--marked", str(out), str(pictures / "us.jpg")
    assert "us-faces.jpg exists already." in run_command(app, *command).output
    assert custom_labels.faces.billed == 0
    assert (out / "us-faces.jpg").read_bytes() == b"mine"
