"""The commands, as typed."""

import json
import os
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from PIL import Image

from app import create_app
from composition import build_pipeline
from rubberduck.core.models import Label
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.detectors.lazy import LazyEmbeddedDetector
from rubberduck.detectors.model_file import broken
from rubberduck.evaluation import plots as charts
from rubberduck.services.pipeline import Pipeline
from tests.support.command_line import run_command
from tests.support.databases import create_database
from tests.support.fake_detector import FakeDetector
from tests.support.hosting import add_model
from tests.support.pictures import corners, encoded
from tests.support.rekognition_endpoint import RekognitionEndpoint

FIELDS = {"file", "duck", "score", "boxes", "is_truncated", "error"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(encoded())
    (folder / "b broken.png").write_bytes(b"quack")
    (folder / "deep" / "c.webp").write_bytes(encoded(format="WEBP"))
    (folder / "notes.txt").write_text("not asked about")
    return folder


def test_look_at_a_file(app: Flask, photos: Path, settings: Settings, tmp_path: Path) -> None:
    done = run_command(app, "look", str(photos / "a.jpg"))
    assert (done.exit_code, done.stdout) == (0, f"{photos / 'a.jpg'}: yes, 94%\n")
    assert not settings.uploads.exists()  # nothing is kept
    with sqlite3.connect(tmp_path / "duck.db") as database:
        assert database.execute("SELECT count(*) FROM duck_results").fetchone() == (0,)
    database.close()


def test_look_at_a_folder_as_json(app: Flask, photos: Path) -> None:
    done = run_command(app, "look", "--json", str(photos))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1  # one of them is broken
    assert [Path(line["file"]).name for line in lines] == ["a.jpg", "b broken.png", "c.webp"]
    assert all(set(line) == FIELDS for line in lines)
    assert [line["duck"] for line in lines] == [True, None, True]
    assert lines[0]["boxes"][0]["label"] == "Duck"
    assert "not a picture" in lines[1]["error"]


def test_look_says_no_and_goes_on_after_a_missing_file(
    app: Flask, photos: Path, detector: FakeDetector
) -> None:
    detector.answer = []
    done = run_command(app, "look", "missing.jpg", str(photos / "a.jpg"))
    assert "missing.jpg: The file cannot be read: No such file or directory." in done.stderr
    assert done.stdout.endswith("a.jpg: no\n")
    assert "missing" not in done.stdout
    assert done.exit_code == 1


def test_look_as_json_has_a_line_for_each_picture_and_fails_if_one_did(
    app: Flask, photos: Path
) -> None:
    done = run_command(app, "look", "--json", "missing.jpg", str(photos / "a.jpg"))
    errors = [json.loads(line)["error"] is not None for line in done.stdout.splitlines()]
    assert (errors, done.exit_code) == ([True, False], 1)
    assert run_command(app, "look", str(photos / "a.jpg")).exit_code == 0


def test_look_at_standard_input(app: Flask) -> None:
    done = run_command(app, "look", "--json", "-", input=encoded())
    assert json.loads(done.stdout)["duck"] is True


def test_look_mentions_a_missing_end(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(encoded()[:-2])
    (tmp_path / "whole.jpg").write_bytes(encoded())
    cut, whole = run_command(app, "look", str(tmp_path)).output.splitlines()
    assert cut.endswith("(the end of the file is missing)")
    assert whole.endswith("94%")
    lines = run_command(app, "look", "--json", str(tmp_path)).output.splitlines()
    assert [json.loads(line)["is_truncated"] for line in lines] == [True, False]


def test_look_reads_no_more_than_it_must(app: Flask, tmp_path: Path) -> None:
    with (tmp_path / "film.jpg").open("wb") as file:
        file.truncate(5_000_000_000)  # takes no room on the disk, but would in memory
    done = run_command(app, "look", str(tmp_path / "film.jpg"))
    assert "too large" in done.stderr


def test_look_at_names_that_a_terminal_would_obey(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\nb.jpg").write_bytes(encoded())
    (tmp_path / os.fsdecode(b"k\xfchl.jpg")).write_bytes(encoded())
    done = run_command(app, "look", str(tmp_path))
    assert "a\\x1b[2J\\nb.jpg: yes" in done.stdout
    assert "k\\udcfchl.jpg: yes" in done.stdout


@pytest.mark.parametrize("path", ["", "x" * 300])
def test_look_at_paths_that_are_none(app: Flask, path: str) -> None:
    done = run_command(app, "look", path)
    assert "The file cannot be read" in done.stderr
    assert done.exit_code == 1


def test_look_at_an_empty_folder(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run_command(app, "look", str(tmp_path / "empty"))
    assert "no pictures in this folder" in done.stderr
    assert done.stdout == ""


def test_look_without_anything_is_a_question_of_usage(app: Flask) -> None:
    assert run_command(app, "look").exit_code == 2


@pytest.mark.parametrize("command", ["look", "evaluate", "check", "sweep", "costs"])
def test_help_has_examples(app: Flask, command: str) -> None:
    done = run_command(app, command, "-h")
    assert done.exit_code == 0
    assert f"  flask {command}" in done.stdout


class ExpensiveDetector(FakeDetector):
    name = "an expensive detector"
    cost_per_call_usd = 0.001


def test_costs_must_be_confirmed(settings: Settings, pipeline: Pipeline, photos: Path) -> None:
    expensive = ExpensiveDetector()
    app = create_app(settings, pipeline=replace(pipeline, detector=expensive))
    done = run_command(app, "look", str(photos))
    assert (
        "an expensive detector will be called 3 times, for about $0.003. Add --yes" in done.stderr
    )
    assert (done.exit_code, expensive.calls) == (2, 0)
    assert run_command(app, "look", "--yes", str(photos)).exit_code == 1  # one file is no picture
    assert expensive.calls == 2


class ByBrightness(FakeDetector):
    """The brighter the picture, the surer."""

    def labels(self, picture: Any) -> list[Label]:
        self.calls += 1
        sure = picture.image.convert("L").resize((1, 1)).getpixel((0, 0)) / 2.55
        duck = self.answer[0]
        return [replace(duck, confidence=sure), Label("Toy", sure)]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    folder = tmp_path / "labelled"
    shades = {"duck/a": 230, "duck/bathing/b": 60, "no-duck/c": 120, "no-duck/d": 20}
    for name, brightness in shades.items():
        file = folder / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        grey = corners(320, 240).convert("L").point(lambda _, b=brightness: b)
        file.write_bytes(encoded(grey, "PNG"))
    (folder / "duck" / "z.jpg").write_bytes(b"quack")
    return folder


def test_evaluate(settings: Settings, pipeline: Pipeline, labelled: Path, tmp_path: Path) -> None:
    duck = pipeline.detector.labels(None)[0]  # type: ignore[arg-type]
    app = create_app(settings, pipeline=replace(pipeline, detector=ByBrightness(duck)))
    boxes = tmp_path / "boxes.json"
    # The fake detector's box, in pixels of the full picture; and one that nobody answers.
    boxes.write_text(
        json.dumps({"duck/a.png": [[80, 48, 240, 192]], "duck/bathing/b.png": [[0, 0, 9, 9]]})
    )
    done = run_command(app, "evaluate", "--json", "--boxes", str(boxes), str(labelled))
    assert done.exit_code == 0
    assert "z.jpg: skipped. This file is not a picture" in done.stderr
    figures = json.loads(done.stdout)
    assert figures.pop("milliseconds") > 0
    kinds = figures.pop("kinds")
    intervals = figures.pop("intervals")
    assert intervals["recall"] == pytest.approx([0.0945, 0.9055], abs=1e-4)  # Wilson, 1 of 2
    assert {kind: each["found"] for kind, each in kinds.items()} == {
        "duck": 1,
        "duck/bathing": 0,
        "no-duck": 1,
    }
    assert figures == {
        "pictures": 4,
        "ducks": 2,
        "found": 2,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "false_alarm_rate": 0.5,
        "boxed_pictures": 2,
        "good_box_share": 0.5,
        "auc": 0.75,  # also below the threshold the scores have an order
    }
    table = run_command(app, "evaluate", str(labelled)).stdout
    assert "precision                       0.500" in table
    assert "… whose best box has IoU ≥ 0.5  -" in table
    assert "recall                          0.500  (95 %: 0.095 to 0.905)" in table
    assert re.search(r"^no-duck +2 +0\.500 +0\.095–0\.905 +- +-$", table, re.M)
    table = run_command(app, "evaluate", "--boxes", str(boxes), str(labelled)).stdout
    assert re.search(r"^duck +1 +1\.000 +0\.207–1\.000 +1\.000 +0\.207–1\.000$", table, re.M)
    assert re.search(
        r"^duck/bathing +1 +0\.000 +0\.000–0\.793 +0\.000 +0\.000–0\.793$", table, re.M
    )


def test_evaluate_draws(
    settings: Settings, pipeline: Pipeline, labelled: Path, tmp_path: Path
) -> None:
    duck = pipeline.detector.labels(None)[0]  # type: ignore[arg-type]
    app = create_app(settings, pipeline=replace(pipeline, detector=ByBrightness(duck)))
    plot, sheet = tmp_path / "plot.png", tmp_path / "sheet.PNG"
    done = run_command(app, "evaluate", "--plot", str(plot), "--sheet", str(sheet), str(labelled))
    assert done.exit_code == 0
    for file in (plot, sheet):
        with Image.open(file) as image:
            assert image.format == "PNG"
            # Something was drawn: many colours, and mostly paper.
            colours, counts = np.unique(
                np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0, return_counts=True
            )
            assert len(colours) > 20
            assert colours[counts.argmax()].tolist() == [255, 255, 255]


@pytest.mark.parametrize("option", ["--plot", "--sheet"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("plot.jpg", r"must end in\s+\.png"),
        ("none/plot.png", "does not exist"),
        ("x" * 300 + ".png", "File name too long"),
        ("folder.png", "cannot be overwritten"),
    ],
)
def test_evaluate_knows_at_once_what_it_cannot_write(
    app: Flask,
    labelled: Path,
    tmp_path: Path,
    detector: FakeDetector,
    option: str,
    name: str,
    why: str,
) -> None:
    (tmp_path / "folder.png").mkdir()
    done = run_command(app, "evaluate", option, str(tmp_path / name), str(labelled))
    assert done.exit_code == 2
    assert re.search(why, done.stderr)
    assert detector.calls == 0


def test_evaluate_keeps_the_figures_when_a_picture_cannot_be_written(
    app: Flask, labelled: Path, tmp_path: Path
) -> None:
    (tmp_path / "plot.png").symlink_to("/dev/full")
    done = run_command(app, "evaluate", "--plot", str(tmp_path / "plot.png"), str(labelled))
    assert "recall" in done.stdout
    assert "cannot be written: No space left on device." in done.stderr
    assert done.exit_code == 1


def test_evaluate_ends_at_once_where_the_detector_cannot_be_loaded(
    settings: Settings, pipeline: Pipeline, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_damaged(self: OnnxDetector) -> None:
        raise broken(Path("/srv/duck.onnx"), "is damaged", None)

    monkeypatch.setattr(OnnxDetector, "__init__", is_damaged)
    app = create_app(settings, pipeline=replace(pipeline, detector=LazyEmbeddedDetector()))
    done = run_command(app, "evaluate", str(labelled))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("The embedded detector cannot be loaded.") == 1
    assert "Cause: The model file /srv/duck.onnx is damaged. Restore it" in done.stderr


def test_evaluate_needs_a_file_for_each_drawing(app: Flask, labelled: Path, tmp_path: Path) -> None:
    both = str(tmp_path / "both.png")
    done = run_command(app, "evaluate", "--plot", both, "--sheet", both, str(labelled))
    assert "must be different files" in done.stderr
    assert done.exit_code == 2


def test_evaluate_shows_the_surest_mistakes(
    settings: Settings,
    pipeline: Pipeline,
    labelled: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Of b.png, a duck at 24 %, and c.png, none at 47 %, the first is wrong by more."""
    duck = pipeline.detector.labels(None)[0]  # type: ignore[arg-type]
    app = create_app(settings, pipeline=replace(pipeline, detector=ByBrightness(duck)))
    monkeypatch.setattr(charts, "MAX_EXAMPLES", 1)
    shown: list[charts.Example] = []

    def sheet(examples: list[charts.Example], title: str) -> bytes:
        shown.extend(examples)
        return title.encode()

    monkeypatch.setattr(charts, "sheet", sheet)
    run_command(app, "evaluate", "--sheet", str(tmp_path / "sheet.png"), str(labelled))
    assert [example.name for example in shown] == ["duck/bathing/b.png"]


@pytest.mark.parametrize(
    "boxes",
    [
        "quack",
        "[]",
        '{"duck/a.png": [[1, 2, 3]]}',
        '{"duck/a.png": [[9, 9, 1, 1]]}',
        '{"duck/a.png": [["1", "2", "3", "4"]]}',
        '{"duck/a.png": [[0, 0, Infinity, 4]]}',
    ],
)
def test_evaluate_refuses_boxes_that_are_none(
    app: Flask, labelled: Path, tmp_path: Path, boxes: str
) -> None:
    (tmp_path / "boxes.json").write_text(boxes)
    done = run_command(app, "evaluate", "--boxes", str(tmp_path / "boxes.json"), str(labelled))
    assert done.exit_code == 2
    assert "boxes.json" in done.stderr


def test_evaluate_says_when_nothing_fits(app: Flask, tmp_path: Path) -> None:
    for name in ("duck", "no-duck"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "a.jpg").write_bytes(b"quack")
    (tmp_path / "boxes.json").write_text('{"duck/z.jpg": [[1, 2, 3, 4]]}')
    done = run_command(
        app, "evaluate", "--boxes", str(tmp_path / "boxes.json"), str(tmp_path / "set")
    )
    assert done.exit_code == 1
    assert "duck/z.jpg: has boxes in --boxes, but there is no such picture." in done.stderr
    assert "No picture could be read." in done.stderr


def test_evaluate_needs_its_two_folders(app: Flask, tmp_path: Path) -> None:
    done = run_command(app, "evaluate", str(tmp_path))
    assert done.exit_code == 2
    assert "needs the folders duck and no-duck" in done.stderr


def test_a_backup_writes_over_nothing(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "holiday.db").write_bytes(b"quack")
    for name, complaint in {
        "holiday.db": "already exists",
        "nowhere/copy.db": "its folder does not exist or is not writable",
    }.items():
        done = run_command(app, "backup", str(tmp_path / name))
        assert done.exit_code == 1
        assert complaint in done.stderr
    assert (tmp_path / "holiday.db").read_bytes() == b"quack"


def test_postgresql_is_backed_up_in_its_own_way(
    settings: Settings, pipeline: Pipeline, postgres_server: Any, tmp_path: Path
) -> None:
    with postgres_server.database() as url:
        create_database(url)
        results = Results(url)
        settings = settings.model_copy(update={"database_url": url})
        elsewhere = create_app(settings, pipeline=replace(pipeline, open_results=lambda: results))
        done = run_command(elsewhere, "backup", str(tmp_path / "backup.tar"))
        assert done.exit_code == 0
        assert "not covered  the PostgreSQL database: use pg_dump" in done.stderr
        results.close()


def test_check_when_all_is_well_and_when_a_model_runs_that_nothing_stops(
    app: Flask, pipeline: Pipeline
) -> None:
    done = run_command(app, "check")
    assert done.exit_code == 0
    assert "ok     DUCK_MAX_BYTES: default, 15000000" in done.stdout
    for part in ("database", "storage, a folder on this server", "detector, fake detector"):
        assert f"ok     {part}\n" in done.stdout
    for protection in ("no further descriptors", "Landlock", "seccomp"):
        assert f"ok     decoding process, {protection}" in done.stdout
    database = pipeline.results.database
    add_model(database, "v1", arn="arn:aws:x", state="RUNNING", should_run=True)
    done = run_command(app, "check")
    assert done.exit_code == 1
    assert "models may run at Amazon and bill on. Set DUCK_CUSTOM_LABELS=1" in done.stdout


def test_check_says_what_is_wrong_and_what_to_do(
    app: Flask, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCK_BUKET", "x")
    (tmp_path / "duck.db").unlink()
    settings.uploads.write_text("a file stands where the folder should be")
    done = run_command(app, "check")
    assert done.exit_code == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert "did you mean DUCK_BUCKET?" in lines[0]
    assert "`python db_setup.py` creates it" in lines[1]
    assert "make it writable" in lines[2]


def test_check_says_that_the_counts_have_no_redis(
    settings: Settings, pipeline: Pipeline, tmp_path: Path
) -> None:
    nowhere = {"uploads_a_minute": 60, "rate_store": f"redis+unix://{tmp_path}/nowhere"}
    done = run_command(create_app(settings.model_copy(update=nowhere), pipeline=pipeline), "check")
    assert done.exit_code == 1
    assert "wrong  rate limit store: " in done.stdout
    assert "DUCK_RATE_STORE right?" in done.stdout


def test_check_of_the_aws_composition(
    aws_settings: Settings, s3: Any, eyes: RekognitionEndpoint, results: Results
) -> None:
    pipeline = replace(build_pipeline(aws_settings), open_results=lambda: results)
    app = create_app(aws_settings, pipeline=pipeline)
    done = run_command(app, "check")
    assert done.exit_code == 0
    assert "ok     detector, Amazon Rekognition\n" in done.stdout
    assert "ok     fallback detector, embedded detector\n" in done.stdout
    eyes.always = "AccessDeniedException"
    done = run_command(app, "check")
    assert done.exit_code == 1
    assert "allow rekognition:DetectLabels" in done.stdout
