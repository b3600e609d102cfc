"""`flask collection`: the same as the pages, with the consent as options."""

from collections.abc import Callable
from pathlib import Path

from app import create_app
from rubberduck.core.settings import Settings
from rubberduck.db.indexed_people import IndexedPeople
from rubberduck.services.pipeline import Pipeline
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.face_collections import ON, consent, picture
from tests.support.pictures import encoded

CONSENT = ["--label", "Ada", "--consent-from", "Ada Lovelace", "--consent-on", "2026-01-02"]


def test_from_consent_to_deletion(
    settings: Settings,
    composed: Callable[[Settings], Pipeline],
    custom_labels: FakeCustomLabels,
    tmp_path: Path,
) -> None:
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    on = settings.model_copy(update=ON)
    site = composed(on)
    runner = create_app(on, pipeline=site).test_cli_runner()
    (file := tmp_path / "ada.jpg").write_bytes(encoded())

    def run(*words: str) -> tuple[int, str]:
        done = runner.invoke(args=["collection", *words])
        return done.exit_code, done.output

    assert run("create", "staff") == (0, "duck-staff\n")
    custom_labels.collections.shown = [Shown("ada"), Shown("passer-by", 0.1)]
    index = ["index", "duck-staff", str(file), *CONSENT]
    code, output = run(*index)
    assert code == 2  # how is missing
    assert "--consent-how" in output
    code, output = run(*index, "--consent-how", "signed form")
    assert code == 0, output
    assert "not stored: Another, smaller face" in output
    id = output.split()[-1]
    assert run("list") == (0, "duck-staff  1 people, 1 faces, 0 users\n")
    assert "consent of Ada Lovelace, 2026-01-02, signed form" in run("list", "duck-staff")[1]
    assert run("search", "duck-staff", str(file)) == (0, f"99%  {id}  Ada\n")
    assert run("delete", "duck-staff", id, "--yes") == (0, "deleted\n")
    assert run("search", "duck-staff", str(file)) == (0, "nobody\n")
    assert run("delete", "duck-staff", "--yes") == (0, "deleted\n")
    assert custom_labels.collections.by_id == {}


def test_the_check_says_that_faces_are_left(
    settings: Settings, composed: Callable[[Settings], Pipeline], custom_labels: FakeCustomLabels
) -> None:
    custom_labels.clock.per_call = 1.0
    on = composed(settings.model_copy(update=ON))
    custom_labels.collections.shown = [Shown("ada")]
    on.collections.create("staff")
    runner = create_app(settings.model_copy(update=ON), pipeline=on).test_cli_runner()
    assert "ok     face collections" in runner.invoke(args=["check"]).output
    on.collections.index("duck-staff", "Ada", consent(), picture(), "operator-1")
    assert IndexedPeople(on.results.database).counts() == {"duck-staff": 1}
    off = create_app(settings, pipeline=composed(settings)).test_cli_runner()
    assert "the faces of 1 people are at Amazon" in off.invoke(args=["check"]).output
