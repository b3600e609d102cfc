"""An operator trains a model: from the button, over a killed worker, to its figures."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.versions import Versions
from rubberduck.db.engine import Database
from tests.support.browser import complaints
from tests.support.objects import draw_picture, draw_project
from tests.support.operators import sign_in_page
from tests.support.server import Site, until
from tests.support.trained_projects import create_project, data_of
from tests.support.workers import working

pytestmark = pytest.mark.enable_socket
# Milliseconds. Workers yield to everything else, so a training takes minutes on a busy machine.
LONG = 600_000


def test_a_model_is_trained_once_although_its_worker_is_killed(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    folder = site.log_file.parent
    url = f"sqlite:///{folder / 'duck.db'}"
    page = browser.new_page(viewport={"width": 360, "height": 740})
    sign_in_page(page, site)
    with data_of(folder) as (database, storage):
        drawn = [*draw_project(15, empty=4), draw_picture(77)]
        project = create_project(database, storage, drawn, kind="pictures", unlabelled=1)
        versions = Versions(database)
        page.goto(f"{site.url}/projects/{project.id}/models")
        expect(page.get_by_text("Fewer than 10 test pictures have: mug, ball")).to_be_visible()
        with working(tmp_path, url, "first", DUCK_UPLOADS=str(folder / "uploads")) as worker:
            page.get_by_role("button", name="Train on this machine").click()
            expect(page.locator("#message")).to_contain_text("Looking at", timeout=LONG)
            assert complaints(page) == []
            worker.kill()
        with working(tmp_path, url, "second", DUCK_UPLOADS=str(folder / "uploads")):
            until(lambda: unrated(database, project.id) == 0)
            # The page reloads by itself when the job has ended.
            expect(page.locator("#message")).to_have_count(0, timeout=LONG)
            page.get_by_role("link", name="Version 1").click()
        (version,) = versions.list_all(project.id)
        assert version.is_trained
        assert storage.get(version.file_key or "")[:1]
        assert version.evaluation
        assert version.evaluation.pictures == list(versions.splits(version.id).values()).count(
            "test"
        )
    expect(page.get_by_role("heading", name="What was taken for what")).to_be_visible()
    expect(page.get_by_text("too few pictures to mean anything").first).to_be_visible()
    assert complaints(page) == []
    page.close()


def unrated(database: Database, project_id: str) -> int:
    """Return how many unlabelled pictures the model has not been asked about."""
    row = project_pictures.c
    query = select(func.count()).where(
        row.project_id == project_id, row.revision == 0, row.uncertainty.is_(None)
    )
    with database.transaction() as connection:
        return connection.scalar(query) or 0
