"""`flask judgements export`: what visitors judged and corrected."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.core.models import Correction, DrawnBox
from rubberduck.core.settings import Settings
from rubberduck.db import judgements
from rubberduck.db.corrections import save_correction
from rubberduck.db.results import Results
from rubberduck.db.tables import duck_results
from rubberduck.web.sessions import known_visitor
from tests.support.command_line import run_command
from tests.support.pictures import corners, encoded, form

BOX = DrawnBox(0.25, 0.5, 0.5, 0.75, "=rubber duck")  # sticks out at the bottom


def upload(client: FlaskClient, number: int) -> str:
    location = client.post("/", **form(encoded(corners(160 + number, 120)))).location
    return location.rpartition("/")[2]


@pytest.fixture
def ids(client: FlaskClient, results: Results) -> list[str]:
    """Results: judged right, corrected with consent, corrected without, empty, never judged."""
    ids = [upload(client, number) for number in range(5)]
    with client:
        client.get("/mine")
        owner = known_visitor() or ""
    client.put(f"/api/v1/results/{ids[0]}/judgement", json={"right": True})
    now = datetime.now(UTC)
    for id, boxes, consent in ((ids[1], (BOX,), True), (ids[2], (BOX,), False), (ids[3], (), True)):
        client.put(f"/api/v1/results/{id}/judgement", json={"right": False})
        save_correction(results, id, owner, Correction(boxes, consent, now))
    return ids


def test_no_cell_is_a_formula(app: Flask, client: FlaskClient, results: Results) -> None:
    """A question is a text of whoever names a project: =HYPERLINK(…) would be executed."""
    id = upload(client, 1)
    client.put(f"/api/v1/results/{id}/judgement", json={"right": True})
    with results.database.transaction(writing=True) as connection:
        connection.execute(duck_results.update().values(question="=1+1", engine="@SUM(A1)"))
    done = run_command(app, "judgements", "export", "--format", "csv", "-")
    (row,) = csv.DictReader(StringIO(done.stdout))
    assert (row["question"], row["engine"]) == ("'=1+1", "'@SUM(A1)")


def test_csv_has_a_line_for_each_judgement(
    app: Flask, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judgements, "BATCH_SIZE", 3)
    done = run_command(app, "judgements", "export", "--format", "csv", "-")
    assert done.exit_code == 0
    rows = {row["id"]: row for row in csv.DictReader(StringIO(done.stdout))}
    assert set(rows) == set(ids[:4])
    assert [rows[id]["judged"] for id in ids[:4]] == ["right", "wrong", "wrong", "wrong"]
    assert [rows[id]["consent"] for id in ids[:4]] == ["", "yes", "no", "yes"]
    assert (rows[ids[0]]["answer"], rows[ids[0]]["score"]) == ("yes", "94.0")
    assert json.loads(rows[ids[1]]["corrected_boxes"])[0]["label"] == "=rubber duck"
    assert [rows[id]["corrected_boxes"] for id in (ids[0], ids[3])] == ["", "[]"]


def test_coco_has_only_what_may_be_used_for_training(
    app: Flask, ids: list[str], tmp_path: Path
) -> None:
    target, pictures = tmp_path / "corrections.json", tmp_path / "photos"
    arguments = ("--format", "coco", "--pictures", str(pictures), str(target))
    done = run_command(app, "judgements", "export", *arguments)
    assert done.exit_code == 0, done.output
    assert "2 corrections; 1 left out" in done.output
    exported = json.loads(target.read_text())
    names = {image["file_name"]: image["id"] for image in exported["images"]}
    assert set(names) == {f"uploads/{ids[1]}.jpg", f"uploads/{ids[3]}.jpg"}
    (annotation,) = exported["annotations"]
    assert annotation["image_id"] == names[f"uploads/{ids[1]}.jpg"]
    assert annotation["bbox"] == [161 * 0.25, 60, 161 * 0.5, 60]  # clipped at the bottom
    assert {file.name for file in pictures.rglob("*.jpg")} == {f"{ids[1]}.jpg", f"{ids[3]}.jpg"}


def test_what_is_deleted_or_withdrawn_during_an_export_is_left_out(
    app: Flask,
    client: FlaskClient,
    ids: list[str],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The batch is read; then one consent is withdrawn and one picture is deleted."""
    first, second = sorted((ids[1], ids[3]))
    new = upload(client, 9)
    body = {"boxes": [], "consent": True}
    assert client.put(f"/api/v1/results/{new}/corrections", json=body).status_code == 200
    (settings.uploads / "uploads" / f"{first}.jpg").unlink()
    read = judgements.judgements

    def withdraw_after_reading(results: Results) -> Iterator[judgements.Judgement]:
        batch = list(read(results))
        client.put(f"/api/v1/results/{second}/corrections", json=body | {"consent": False})
        client.delete(f"/api/v1/results/{new}/corrections")
        yield from batch

    monkeypatch.setattr(judgements, "judgements", withdraw_after_reading)
    target, pictures = tmp_path / "corrections.json", tmp_path / "photos"
    arguments = ("--format", "coco", "--pictures", str(pictures), str(target))
    done = run_command(app, "judgements", "export", *arguments)
    assert done.exit_code == 0, done.output
    assert "0 corrections; 2 left out" in done.output
    assert "2 left out: deleted or withdrawn meanwhile." in done.output
    assert json.loads(target.read_text())["images"] == []
    assert list(pictures.rglob("*.jpg")) == []


def test_the_manifest_passes_our_check_of_custom_labels(
    app: Flask, ids: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "corrections.manifest"
    arguments = ("--format", "manifest", "--prefix", "s3://a-bucket/", str(target))
    done = run_command(app, "judgements", "export", *arguments)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    references = {line["source-ref"] for line in lines}
    assert references == {f"s3://a-bucket/uploads/{id}.jpg" for id in (ids[1], ids[3])}
    checked = run_command(app, "dataset", "check", "--json", str(target))
    statistics = json.loads(checked.stdout)["statistics"]
    assert (statistics["use_case"], statistics["invalid_json_lines"]) == ("OBJECT_LOCALIZATION", 0)


@pytest.mark.parametrize("format", ["csv", "coco", "manifest"])
def test_an_existing_file_is_kept(
    app: Flask, results: Results, tmp_path: Path, format: str
) -> None:
    target = tmp_path / "precious"
    target.write_text("quack")
    done = run_command(app, "judgements", "export", "--format", format, str(target))
    assert done.exit_code == 1
    assert target.read_text() == "quack"


def test_corrections_are_listed_and_withdrawn_on_my_pictures(
    app: Flask, client: FlaskClient, ids: list[str], settings: Settings
) -> None:
    page = client.get("/mine").text
    assert page.count("May be used for training.") == 2
    assert page.count("Not used for training.") == 1
    assert app.test_client().post("/mine/withdraw", data={"only": ids[1]}).status_code == 404
    assert client.post("/mine/withdraw", data={"only": ids[1]}).status_code == 303
    page = client.get("/mine").text
    assert "Withdrawn: the correction is deleted." in page
    assert page.count("May be used for training.") == 1
    assert ids[1] in page
