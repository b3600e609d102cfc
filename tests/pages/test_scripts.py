"""Scripts in every word that a page shows: they stay words, in a real browser."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Dialog, FilePayload, Page, expect
from werkzeug.serving import make_server

from app import create_app
from rubberduck.core.models import Box, Label
from rubberduck.core.rules import BoxRule, Group, Question, Remark
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.ducks import duck_photo
from tests.support.fake_detector import FakeDetector
from tests.support.hostile import SCRIPTS


def scripted_question() -> Question:
    """Its words are scripts, as a file of a question could hold them."""
    one, two, three, four, five, *_ = SCRIPTS
    return Question(
        title=one,
        yes=two,
        no=three,
        groups=(Group(name=four, any_of=(SCRIPTS[11], "Duck")), Group(name=five, any_of=("Toy",))),
        boxes=BoxRule(labels=tuple(SCRIPTS)),
        remarks=(Remark(says=SCRIPTS[6], all_of=("Toy",)),),
    )


@pytest.fixture
def scripted(settings: Settings, pipeline: Pipeline) -> Iterator[str]:
    """A site whose question and whose labels are scripts, over HTTP; gives its address."""
    box = (Box(0.2, 0.2, 0.5, 0.5, SCRIPTS[11], 99.0),)
    seen = [Label(each, 90.0, (Box(0.2, 0.2, 0.5, 0.5, each, 90.0),), (each,)) for each in SCRIPTS]
    detector = FakeDetector(*seen, Label("Toy", 95.0, box))
    pipeline = replace(pipeline, question=scripted_question(), detector=detector)
    server = make_server("127.0.0.1", 0, create_app(settings, pipeline=pipeline), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


WATCH = """
    addEventListener("securitypolicyviolation", (event) =>
        console.error("POLICY", event.violatedDirective, event.blockedURI));
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Where no script of another's may run, and none may even be stopped by the policy."""
    context, wrong = browser.new_context(), list[str]()
    page = context.new_page()

    def refuse(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    page.add_init_script(WATCH)
    page.on("dialog", refuse)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "POLICY" in line.text else None)
    page.on(
        "request", lambda request: wrong.append(request.url) if "//evil" in request.url else None
    )
    yield page
    context.close()
    assert wrong == []


def visit(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("load")
    for selector in ("[onerror]", "[onload]", "[onfocus]", "script:not([src])", "iframe", "base"):
        assert page.locator(selector).count() == 0


@pytest.mark.enable_socket
def test_scripts_in_every_word_stay_words(page: Page, scripted: str) -> None:
    assert len(SCRIPTS) >= 50
    visit(page, scripted)
    photo = FilePayload(name=SCRIPTS[11], mimeType="image/jpeg", buffer=duck_photo())
    page.get_by_label(re.compile("Upload a picture")).set_input_files(photo)
    page.wait_for_url("**/result/*")
    where = page.url
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPTS[1])
    for each in SCRIPTS:
        assert page.locator("th", has_text=each).count() >= 1
    page.get_by_label("Confidence threshold").fill("97")  # the script's own way to a page
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPTS[2])
    for path in ("camera", "mine", "statistics", "statistics/days-light.svg", "privacy", "api"):
        visit(page, f"{scripted}/{path}")
    visit(page, f"{where}.json")


@pytest.mark.enable_socket
def test_scripts_in_addresses_and_names_stay_words(page: Page, scripted: str) -> None:
    result = "result/" + "a" * 22
    for each in SCRIPTS[::18]:
        escaped = quote(each, safe="")
        for path in ("result/", f"{result}?min=", "mine?cursor=", "?"):
            visit(page, f"{scripted}/{path}{escaped}")
        name = each.replace("/", "_")
        page.route("**/api/v1/pictures", lambda route: route.abort())
        page.get_by_label("Upload a picture").set_input_files(
            FilePayload(name=name, mimeType="image/tiff", buffer=b"II*\0")
        )
        expect(page.get_by_text("Your browser cannot preview this file")).to_be_visible()


@pytest.mark.enable_socket
def test_what_an_api_answers_is_no_page(page: Page, scripted: str) -> None:
    answer = page.goto(f"{scripted}/api/v1/{quote(SCRIPTS[0], safe='')}")
    assert answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in json.loads(answer.text())["instance"]
