"""A job followed in a browser: the bar moves without reload; cancelled, tried again."""

from collections.abc import Iterator

import pytest
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Browser, Page, Request, expect

from rubberduck.db.engine import Database
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from tests.support.browser import complaints
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket
WORKER = "worker of the test"


@pytest.fixture
def queue(site: Site) -> Iterator[JobQueue]:
    database = Database(f"sqlite:///{site.log_file.parent / 'duck.db'}")
    yield JobQueue(database, 99)
    database.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    yield page
    page.close()


def visitor_of(page: Page, site: Site) -> str:
    page.goto(f"{site.url}/many")  # which gives a cookie
    (cookie,) = page.context.cookies()
    _, session = URLSafeTimedSerializer("").loads_unsafe(cookie["value"])
    return str(session["visitor"])


def test_a_job_moves_without_reload(page: Page, site: Site, queue: JobQueue) -> None:
    id = queue.enqueue("train", visitor_of(page, site))
    queue.executors.leave(WORKER)
    page.goto(f"{site.url}/jobs/{id}")
    expect(page.get_by_text("No worker is running")).to_be_visible()
    assert complaints(page) == []
    queue.executors.beat(WORKER)
    run = Run(id, 0, WORKER)
    queue.store.begin(run)
    expect(page.get_by_text("running", exact=True)).to_be_visible()
    page.evaluate("window.isTheSamePage = true")
    queue.executors.beat(WORKER)
    queue.store.report(run, 40, "16 of 40 pictures")
    expect(page.locator("progress")).to_have_js_property("value", 40)
    expect(page.get_by_text("16 of 40 pictures")).to_be_visible()
    assert page.evaluate("window.isTheSamePage")
    assert complaints(page) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("link", name="Train")).to_be_visible()
    assert complaints(page) == []


def test_a_hidden_page_does_not_poll(page: Page, site: Site, queue: JobQueue) -> None:
    id = queue.enqueue("train", visitor_of(page, site))
    polls: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(f"{id}.json"):
            polls.append(request.url)

    page.on("request", note)
    with page.expect_response(f"**/{id}.json"):
        page.goto(f"{site.url}/jobs/{id}")
    set_hidden(page, True)
    before = len(polls)
    page.wait_for_timeout(4000)  # milliseconds: three polls, if it did
    assert len(polls) == before
    with page.expect_response(f"**/{id}.json"):
        set_hidden(page, False)


def set_hidden(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_it_works_by_reload_without_javascript(
    browser: Browser, site: Site, queue: JobQueue
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    id = queue.enqueue("train", visitor_of(page, site))
    page.goto(f"{site.url}/jobs/{id}")
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    run = Run(id, 0, WORKER)
    queue.store.begin(run)
    queue.store.report(run, 70, "nearly there")
    page.reload()
    expect(page.get_by_text("nearly there")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
    page.context.close()
