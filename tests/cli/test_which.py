"""`flask which`: a duck is named at the command line, and asked for."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.support.named_ducks import QUACKERS, STRANGER, asked, enrolled
from tests.support.pictures import block_pattern, encoded


def test_a_duck_is_named_asked_for_and_deleted(app: Flask, tmp_path: Path) -> None:
    def which(*arguments: str) -> Result:
        return app.test_cli_runner().invoke(args=["which", *arguments])

    photos, pictures = tmp_path / "photos", tmp_path / "pictures"
    for folder in (photos, pictures):
        folder.mkdir()
    for name, data in enrolled(QUACKERS):
        (photos / name).write_bytes(data)
    (pictures / "a.jpg").write_bytes(asked(QUACKERS))
    (pictures / "b.jpg").write_bytes(asked(STRANGER))
    (empty := tmp_path / "empty.jpg").write_bytes(encoded(block_pattern(1)))

    early = which(str(pictures / "a.jpg"))
    assert early.exit_code == 1
    assert "There is nothing to compare" in early.output
    added = which("--add", "Quackers", str(photos), str(empty))
    assert added.exit_code == 1
    assert "No duck was found in it" in added.output
    assert "Quackers: 5 photos added, 5 in all" in added.output
    assert which("--list").output == "Quackers: 5 photos\n"
    answers = which(str(pictures))
    assert answers.exit_code == 0
    assert "a.jpg: Quackers, " in answers.output
    assert "b.jpg: none that I know (most like Quackers)" in answers.output
    lines = which("--json", str(pictures)).output.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["Quackers", None]
    assert which("--delete", "Quackers").exit_code == 0
    assert which("--list").output == ""
    assert which("--delete", "Quackers").exit_code == 1


@pytest.mark.parametrize("arguments", [[], ["--add", "Quackers"]])
def test_without_a_picture_it_says_how_it_is_used(app: Flask, arguments: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=["which", *arguments])
    assert result.exit_code == 2
    assert "Give at least one PICTURE" in result.output
