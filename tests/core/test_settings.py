"""Settings: typed, complete in the documents, and refused without telling secrets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from composition import build_pipeline
from docs import settings as settings_page
from rubberduck.core.settings import ROOT, InvalidSettings, Settings
from rubberduck.core.settings_loading import load_settings, unknown_variables
from tests.support.pictures import encoded, exif

DEFAULTS = {f"DUCK_{name.upper()}": field.default for name, field in Settings.model_fields.items()}


def shown(default: object, nothing: str) -> str:
    if isinstance(default, tuple):
        default = ",".join(map(str, default)) or None
    return nothing if default is None else str(int(default) if default is False else default)


def test_the_example_file_has_every_setting_with_its_default(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    example = tmp_path / "example"
    example.write_text(re.sub(r"^# (?=DUCK_)", "", text, flags=re.MULTILINE))
    written = dotenv_values(example)
    assert written == {name: shown(default, "") for name, default in DEFAULTS.items()}


def test_the_page_of_settings_has_every_setting_with_its_default_and_meaning() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `(DUCK_\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.M)
    plain = {name: (default.strip("`"), meaning) for name, default, _values, meaning in rows}
    assert plain == {
        f"DUCK_{name.upper()}": (shown(field.default, "none"), field.description)
        for name, field in Settings.model_fields.items()
    }
    assert {name: values for name, _, values, _ in rows}["DUCK_KEEP_DAYS"] == "1 to 3,650"


def test_the_page_of_settings_is_as_it_would_be_generated() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "python -m docs.settings"
    assert settings_page.EXAMPLE.read_text() == settings_page.example(), "python -m docs.settings"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUCK_MAX_BYTES", "ten-secret"),
        ("DUCK_MAX_BYTES", "999999999999"),
        ("DUCK_MAX_SIDE", "33"),
        ("DUCK_LINK_SECONDS", "-1"),
        ("DUCK_BUCKET", "Secret_Bucket"),
        ("DUCK_REGION", "secretland"),
        ("DUCK_KMS_KEY", "alias/pässword"),
        ("DUCK_DATABASE_URL", "mysql://secret@host/x"),
        ("DUCK_DATABASE_URL", "sqlite:///:memory:"),
        ("DUCK_DATABASE_URL", "sqlite:///duck.db?mode=ro"),
        ("DUCK_DATABASE_URL", "postgresql+psycopg://u:p@host:secret/x"),
        ("DUCK_DATABASE_URL", "postgresql+psycopg://u:SEC@RET@host/x"),
        ("DUCK_QUESTION", "/nowhere/secret.toml"),
        ("DUCK_SECRET_KEY", "hidden"),
        ("DUCK_RATE_STORE", "memcached://secret"),
        ("DUCK_RATE_STORE", "redis://u:p@host:secret"),
        ("DUCK_LOG_LEVEL", "secret"),
    ],
)
def test_a_wrong_one_is_named_never_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as error:
        load_settings()
    assert str(error.value).startswith(f"{name} is wrong: ")
    assert value not in str(error.value)
    assert "RET@" not in str(error.value)


def test_no_pattern_has_a_class_of_all_letters_which_takes_long_to_compile() -> None:
    patterns = {
        name: pattern
        for name, field in Settings.model_fields.items()
        for constraint in field.metadata
        if (pattern := getattr(constraint, "pattern", None))
    }
    assert len(patterns) > 10
    assert {name: text for name, text in patterns.items() if re.search(r"\\[wd]", text)} == {}


def test_every_wrong_one_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_MAX_SIDE", "wide")
    monkeypatch.setenv("DUCK_MAX_BYTES", "many")
    with pytest.raises(InvalidSettings) as error:
        load_settings()
    assert len(str(error.value).splitlines()) == 2


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_BUCKET", "")
    assert load_settings().bucket is None


def test_a_file_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ["DUCK_MAX_SIDE=1000", "DUCK_MAX_BYTES=20000", "DUCK_BUCKET=ducks", "AWS_PROFILE=x"]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setattr("rubberduck.core.settings_loading.ROOT", tmp_path)
    monkeypatch.setattr(os, "environ", {"DUCK_MAX_BYTES": "30000", "DUCK_BUCKET": ""})
    settings = load_settings()
    assert (settings.max_side, settings.max_bytes, settings.bucket) == (1000, 30000, None)
    assert os.environ["AWS_PROFILE"] == "x"  # for Amazon's library


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"DUCK_UPLOADS=k\xfchl\n", "cannot be read"),
        (b'DUCK_MAX_SIDE=900\nDUCK_BUCKET="my-ducks\n', "line 2"),
    ],
)
def test_a_file_that_cannot_be_understood_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.setattr("rubberduck.core.settings_loading.ROOT", tmp_path)
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(InvalidSettings, match=words) as error:
        load_settings()
    assert "my-ducks" not in str(error.value)


def test_relative_folders_count_from_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_UPLOADS", "kept/here")
    assert load_settings().uploads == ROOT / "kept" / "here"


def test_misspelt_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCK_BUKET", "x")
    monkeypatch.setenv("DUCK_ZZZ", "x")
    assert unknown_variables() == {"DUCK_BUKET": "DUCK_BUCKET", "DUCK_ZZZ": None}


def test_what_is_shown_hides_the_database_password() -> None:
    settings = Settings(database_url="postgresql+psycopg://duck:secret@host/duck", max_side=900)
    assert "secret" not in str(settings.describe())
    assert "secret" not in repr(settings)
    assert settings.describe()["DUCK_MAX_SIDE"] == "set, 900"
    assert settings.describe()["DUCK_BUCKET"] == "default, none"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DUCK_MAX_BYTES", "ten", "DUCK_MAX_BYTES is wrong"),
        ("DUCK_QUESTION", "{question}", "line 1, titel: there is no such key"),
        ("DUCK_BUCKET", "my-ducks", "DUCK_SECRET_KEY is missing"),
    ],
)
def test_the_site_does_not_start_with_a_wrong_setting(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    question = tmp_path / "question.toml"
    question.write_text("titel = 'x'\n")
    environment = {"FLASK_SKIP_DOTENV": "1", name: value.format(question=question)}
    for command in (["-m", "gunicorn", "wsgi:app", "--bind=127.0.0.1:0"], ["-m", "flask", "check"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_question_beyond_the_embedded_detector_needs_rekognition(tmp_path: Path) -> None:
    question = tmp_path / "cat.toml"
    question.write_text('title = "A cat?"\n[[groups]]\nname = "a cat"\nany_of = ["Cat"]\n')
    done = subprocess.run(
        [sys.executable, "-m", "flask", "check"],
        cwd=ROOT,
        env={"FLASK_SKIP_DOTENV": "1", "DUCK_QUESTION": str(question)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "it knows Bird, Duck, Toy" in done.stderr
    assert "set DUCK_ENGINE=rekognition" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_PROFILE", "nope"), ("AWS_ENDPOINT_URL_S3", "nonsense")],
)
def test_amazons_own_settings_are_checked_too(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=r"look at AWS_PROFILE") as error:
        build_pipeline(settings.model_copy(update={"bucket": "ducks"}))
    assert value not in str(error.value)


def test_our_debug_lines_are_not_everybodys(tmp_path: Path) -> None:
    """Pillow's would tell the log what a visitor's camera is called."""
    (tmp_path / "photo.jpg").write_bytes(encoded(exif=exif(6)))
    done = subprocess.run(
        [sys.executable, "-m", "flask", "look", str(tmp_path / "photo.jpg")],
        cwd=ROOT,
        env={"FLASK_SKIP_DOTENV": "1", "DUCK_LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("photo.jpg: no\n")
    assert "Canary" not in done.stderr


def test_a_language_without_a_catalogue_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUCK_LANGUAGE", "xx")
    with pytest.raises(InvalidSettings, match=r"DUCK_LANGUAGE is wrong: .* no compiled catalogue"):
        load_settings()
