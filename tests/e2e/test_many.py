"""Many pictures at once, in a real Chromium: a grid of answers, CSV, ZIPs, pauses and failures."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Route, expect

from tests.support.aws import BUCKET
from tests.support.browser import SCREENS, complaints, screen
from tests.support.ducks import duck_photo
from tests.support.hostile import SCRIPTS
from tests.support.pictures import corners, encoded
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import Site, amazon, serving

pytestmark = pytest.mark.enable_socket

UPLOADS = "**/api/v1/pictures"
WATCH_POLICY = """
    addEventListener("securitypolicyviolation", (event) =>
        console.error("POLICY", event.violatedDirective, event.blockedURI));
"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails the test at a script's error or an offence against the policy."""
    page, wrong = context.new_page(), []
    page.add_init_script(WATCH_POLICY)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "POLICY" in line.text else None)
    yield page
    assert wrong == []


@cache
def photo(number: int, *, with_duck: bool = False) -> bytes:
    """Pictures that all differ, also after they are resized in the browser."""
    image = Image.open(io.BytesIO(duck_photo())) if with_duck else corners(320, 240)
    image.paste((number * 9 % 256, number % 256, 80), (0, 0, 24, 24))
    return encoded(image)


def files(count: int, ducks: int = 0) -> list[FilePayload]:
    return [
        FilePayload(
            name=f"photo {number}.jpg",
            mimeType="image/jpeg",
            buffer=photo(number, with_duck=number < ducks),
        )
        for number in range(count)
    ]


def zip_of(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_file(data: bytes) -> FilePayload:
    return FilePayload(name="pictures.zip", mimeType="application/zip", buffer=data)


def choose(page: Page, *chosen: FilePayload) -> None:
    page.get_by_label("Choose pictures or a ZIP").set_input_files(chosen)


def tiles(page: Page) -> list[str]:
    """The names of the tiles that are shown, in their order."""
    shown = page.locator(".tiles li:visible .name").all_inner_texts()
    return [text.strip() for text in shown]


def finished(page: Page, text: str) -> None:
    expect(page.get_by_role("status").last).to_have_text(re.compile(rf"^Finished: {text}"))


def table(page: Page) -> list[list[str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "pictures.csv"
    text = download.value.path().read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def refusal(status: int, seconds: int) -> dict[str, object]:
    return {
        "status": status,
        "headers": {"Retry-After": str(seconds), "Content-Type": "application/problem+json"},
        "body": json.dumps({"title": "Too many requests", "detail": "Wait.", "status": status}),
    }


def test_twenty_pictures_chosen_on_the_first_page(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(files(20, ducks=7))
    expect(page.get_by_role("heading", level=1)).to_have_text("Check many pictures")
    finished(page, r"20 of 20 checked, 7 yes \(35%\)$")
    assert len(tiles(page)) == 20
    page.get_by_label("Show").select_option("only yes")
    assert tiles(page) == [f"photo {number}.jpg" for number in range(7)]
    page.get_by_label("Show").select_option("only no")
    assert len(tiles(page)) == 13
    page.get_by_label("Show").select_option("all")
    page.get_by_label("Sort by").select_option("file name")
    assert tiles(page)[:3] == ["photo 0.jpg", "photo 1.jpg", "photo 2.jpg"]  # 10 is not before 2
    page.get_by_label("Sort by").select_option("score")
    scores = page.locator(".tiles li .score").all_inner_texts()
    assert scores[:7] == sorted(scores[:7], key=lambda text: -int(text[:-1]))
    assert scores[7:] == [""] * 13

    rows = table(page)
    assert rows[0][:4] == ["File", "Yes", "Answer", "Score"]
    assert [row[0] for row in rows[1:]] == [f"photo {number}.jpg" for number in range(20)]
    assert [row[1] for row in rows[1:]] == ["1"] * 7 + ["0"] * 13
    assert all(row[7].startswith(f"{site.url}/result/") for row in rows[1:])

    with page.expect_download() as download:
        page.get_by_role("button", name="Download marked pictures as ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{number + 1:02} photo {number}.jpg" for number in range(7)]
        with Image.open(io.BytesIO(archive.read("01 photo 0.jpg"))) as marked:
            assert marked.size == (640, 480)
        assert len({archive.read(name) for name in archive.namelist()}) == 7

    # Each is a result as any other.
    with page.expect_popup() as popup:
        page.get_by_role("link", name="photo 0.jpg").click()
    expect(popup.value.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    popup.value.get_by_role("link", name="My pictures").click()
    expect(popup.value.locator(".history li").first).to_be_visible()
    listed = page.request.get(f"{site.url}/api/v1/results?limit=100").json()["results"]
    assert len(listed) == 20


def test_at_most_four_requests_at_once(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(UPLOADS, hold)
    choose(page, *files(9))
    shown = page.get_by_role("listitem").filter(has_text="Checking…").locator("img")
    expect(shown).to_have_count(4)
    for number in range(4):
        expect(shown.nth(number)).to_have_attribute("src", re.compile("^blob:"))
        expect(shown.nth(number)).to_be_visible()
    for answered in range(9):
        while len(held) <= answered:
            page.wait_for_timeout(20)
        page.wait_for_timeout(50)  # another request would be sent by now
        assert len(held) <= answered + 4
        held[answered].continue_()
    finished(page, "9 of 9 checked")
    assert len(held) == 9


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_site_is_given_time(page: Page, site: Site, status: int) -> None:
    """The third and the fourth request are refused; nothing fails, and everybody waits."""
    page.goto(f"{site.url}/many")
    sent: list[str] = []

    def answer(route: Route) -> None:
        sent.append(route.request.url)
        if len(sent) in (3, 4):
            route.fulfill(**refusal(status, 1))  # type: ignore[arg-type]
        else:
            route.continue_()

    page.route(UPLOADS, answer)
    page.evaluate(
        """() => new MutationObserver(() => (window.said ??= []).push(
            document.querySelector(".announce").textContent)).observe(
            document.querySelector(".announce"), { childList: true })"""
    )
    choose(page, *files(12))
    finished(page, "12 of 12 checked, 0 yes")
    assert len(sent) == 14
    waits = "The site limits how many pictures it checks at a time. It goes on in 1 s."
    assert waits in page.evaluate("window.said")


def test_a_spent_budget_is_a_failure_at_once(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    page.route(UPLOADS, lambda route: route.fulfill(**refusal(503, 40_000)))
    choose(page, *files(2))
    finished(page, r"0 of 2 checked, 0 yes \(0%\), 2 failed")
    page.unroute_all()
    page.get_by_role("button", name="Check the rest").click()
    finished(page, r"2 of 2 checked, 0 yes \(0%\)$")


def test_what_is_no_picture_fails_alone(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    text = FilePayload(name="=cmd|' /C calc'!A0.jpg", mimeType="image/jpeg", buffer=b"quack")
    choose(page, *files(2), text)
    finished(page, r"2 of 3 checked, 0 yes \(0%\), 1 failed")
    page.get_by_label("Show").select_option("without an answer")
    assert tiles(page) == ["=cmd|' /C calc'!A0.jpg"]
    expect(page.get_by_text("This file is not a picture we can read.")).to_be_visible()
    rows = table(page)
    assert rows[3][0] == "'=cmd|' /C calc'!A0.jpg"  # a text, and no formula
    assert rows[3][8].startswith("This file is not a picture we can read.")
    expect(page.get_by_role("button", name="Download marked")).to_be_hidden()


def test_the_same_picture_twice_is_one_result(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    choose(page, *[file for file in files(1) for _ in range(6)])
    finished(page, r"6 of 6 checked")
    listed = page.request.get(f"{site.url}/api/v1/results").json()["results"]
    assert len(listed) == 1
    assert {row[7] for row in table(page)[1:]} == {site.url + listed[0]["links"]["page"]}


def test_stopping_and_going_on(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(UPLOADS, hold)
    choose(page, *files(7))
    while len(held) < 4:
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status").last).to_have_text("Stopped: 0 of 7 checked, 0 yes (0%)")
    assert page.locator('.tiles [data-state="cancelled"]').count() == 7
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("button", name="Check the rest").click()
    finished(page, "7 of 7 checked")


def test_leaving_warns_while_it_runs(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(UPLOADS, hold)
    choose(page, *files(2))
    while len(held) < 2:
        page.wait_for_timeout(20)
    page.evaluate("void setTimeout(() => location.assign('/mine'))")
    while not asked:
        page.wait_for_timeout(20)
    assert asked == ["beforeunload"]
    for route in held:
        route.continue_()
    finished(page, "2 of 2 checked")
    page.goto(f"{site.url}/mine")
    assert asked == ["beforeunload"]


def test_a_zip(page: Page, site: Site) -> None:
    page.goto(site.url)
    entries = {f"holiday/{number}.jpg": photo(number, with_duck=number < 1) for number in range(3)}
    more = {
        "../../etc/passwd.jpg": photo(3),
        "notes.txt": b"quack",
        "inner.zip": zip_of({"a.jpg": photo(4)}),
        "__MACOSX/holiday/._1.jpg": b"quack",
        "empty/": b"",
    }
    page.get_by_label("Upload a picture").set_input_files(zip_file(zip_of(entries | more)))
    finished(page, r"4 of 4 checked, 1 yes \(25%\)")
    assert tiles(page) == ["0.jpg", "1.jpg", "2.jpg", "passwd.jpg"]
    said = "Skipped in the ZIP, because they are no pictures or too large: 3."
    expect(page.get_by_text(said)).to_be_visible()


def test_fifty_are_taken_of_a_larger_zip(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    page.route(UPLOADS, lambda route: route.abort())
    choose(page, zip_file(zip_of({f"{number}.png": photo(1) for number in range(60)})))
    finished(page, r"0 of 50 checked, 0 yes \(0%\), 50 failed")
    said = "At most 50 pictures and 1 GB are taken at once. Left out: 10."
    expect(page.get_by_text(said)).to_be_visible()
    choose(page, *files(53))
    said = "At most 50 pictures and 1 GB are taken at once. Left out: 3."
    expect(page.get_by_text(said)).to_be_visible()


def encrypted(data: bytes) -> bytes:
    """A ZIP whose entries say that they are encrypted: bit 0 of the flags, in both headers."""
    changed = bytearray(data)
    changed[6] |= 1
    changed[data.index(b"PK\1\2") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"quack", "This ZIP cannot be opened: it is damaged", id="no ZIP"),
        pytest.param(
            zip_of({"a.jpg": photo(1)})[:-30], "This ZIP cannot be opened: it is damaged", id="cut"
        ),
        pytest.param(
            encrypted(zip_of({"a.jpg": photo(1)})), "This ZIP has a password", id="encrypted"
        ),
        pytest.param(
            zip_of({"a.txt": b"quack"}), "There is no picture in this ZIP", id="no picture"
        ),
        pytest.param(zip_of({}), "There is no picture in this ZIP", id="empty"),
    ],
)
def test_a_zip_that_cannot_be_read(page: Page, site: Site, data: bytes, said: str) -> None:
    page.goto(f"{site.url}/many")
    choose(page, zip_file(data))
    expect(page.get_by_role("alert")).to_contain_text(said)


def test_a_damaged_entry_fails_alone(page: Page, site: Site) -> None:
    """fflate 0.8.3 throws at the damaged one; it is unpacked only when its turn comes."""
    data = bytearray(zip_of({"bad.jpg": photo(1), "good.jpg": photo(2)}))
    start = 30 + len("bad.jpg")
    data[start : start + 40] = b"\xff" * 40
    page.goto(f"{site.url}/many")
    choose(page, zip_file(bytes(data)))
    finished(page, r"1 of 2 checked, 0 yes \(0%\), 1 failed")
    expect(page.get_by_text("This file cannot be read")).to_be_visible()


def test_a_zip_with_too_much_in_it_is_not_unpacked(page: Page, site: Site) -> None:
    """Its directory says that an entry unpacks to 2 GB: that entry is skipped, unseen."""
    data = bytearray(zip_of({"bomb.bmp": b"BM" + bytes(2000), "good.jpg": photo(2)}))
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (2_000_000_000).to_bytes(4, "little")
    page.goto(f"{site.url}/many")
    choose(page, zip_file(bytes(data)))
    finished(page, "1 of 1 checked")
    expect(page.get_by_text("no pictures or too large: 1.")).to_be_visible()


def test_names_that_are_scripts_stay_names(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    page.route(UPLOADS, lambda route: route.abort())
    names = [re.sub(r"[/\0]", "_", script)[:200] for script in SCRIPTS[:20]]
    choose(
        page,
        *[FilePayload(name=name, mimeType="image/jpeg", buffer=photo(1)) for name in names],
    )
    finished(page, "0 of 20 checked")
    assert page.locator(".tiles .name").count() == 20
    assert page.locator(".tiles :is(script, iframe, [onerror], [onload])").count() == 0


def test_without_javascript_it_is_one_at_a_time(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/many")
    expect(page.get_by_text("Many pictures at once need JavaScript")).to_be_visible()
    expect(page.get_by_text("Choose pictures or a ZIP")).to_be_hidden()
    page.get_by_role("link", name="Check a picture").click()
    assert page.get_by_label("Upload a picture").get_attribute("multiple") is None
    context.close()


@pytest.mark.parametrize("kind", SCREENS)
def test_axe_finds_nothing(browser: Browser, site: Site, kind: str) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        page.goto(f"{site.url}/many")
        assert complaints(page) == []
        bad = FilePayload(name="x" * 150 + ".jpg", mimeType="image/jpeg", buffer=b"quack")
        choose(page, *files(3, ducks=1), bad)
        finished(page, "3 of 4 checked")
        assert complaints(page) == []
        width = page.evaluate(
            "Math.max(...[...document.querySelectorAll('main *')]"
            ".map((each) => each.getBoundingClientRect().right)) - innerWidth"
        )
        assert width <= 0


def test_by_keyboard(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    choose(page, *files(2, ducks=1))
    finished(page, "2 of 2 checked")
    page.get_by_label("Show").focus()
    page.keyboard.press("ArrowDown")
    assert tiles(page) == ["photo 0.jpg"]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert "photo 0.jpg" in page.evaluate("document.activeElement.textContent")
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    expect(popup.value.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")


def test_several_dropped_anywhere(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.evaluate(
        """async () => {
            const files = new DataTransfer();
            for (const name of ["easy", "none"]) {
                const picture = await (await fetch(`/static/samples/${name}.jpg`)).blob();
                files.items.add(new File([picture], `${name}.jpg`, { type: "image/jpeg" }));
            }
            const details = { bubbles: true, cancelable: true, dataTransfer: files };
            document.body.dispatchEvent(new DragEvent("drop", details));
        }"""
    )
    finished(page, r"2 of 2 checked, 1 yes \(50%\)")


def test_a_budget_is_told_before_anything_is_sent(
    page: Page, s3: Any, eyes: RekognitionEndpoint, tmp_path: Path
) -> None:
    """With S3 and Rekognition: the visitor starts, and the ZIP's pictures come from the bucket."""
    limits = {"DUCK_BUCKET": BUCKET, "DUCK_DAILY_CALLS": "5", "DUCK_MONTHLY_CALLS": "100"}
    with serving(tmp_path, **amazon(), **limits) as site:
        page.goto(site.url)
        page.get_by_label("Upload a picture").set_input_files(files(3))
        left = "5 answers by Amazon Rekognition are left today."
        expect(page.get_by_text(left)).to_be_visible()
        expect(page.get_by_role("button", name="Check these pictures (3)")).to_be_focused()
        assert eyes.requests == []
        page.keyboard.press("Enter")
        finished(page, r"3 of 3 checked, 3 yes \(100%\)")
        assert len(eyes.requests) == 3
        with page.expect_download() as download:
            page.get_by_role("button", name="Download marked pictures as ZIP").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert len(archive.namelist()) == 3
            assert archive.testzip() is None
        page.goto(f"{site.url}/many")
        expect(page.get_by_text("2 answers by Amazon Rekognition are left today.")).to_be_visible()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "|calc", '=HYPERLINK("http://evil")'],
)
def test_a_cell_is_never_a_formula(page: Page, site: Site, text: str) -> None:
    """OWASP, CSV Injection: a spreadsheet executes what begins with = + - @ or white space."""
    page.goto(f"{site.url}/many")
    script = "async text => (await import('/static/js/csv.js')).toCsv([[text, 'a \"b\", c', -1.5]])"
    written = page.evaluate(script, text)
    assert list(csv.reader(io.StringIO(written.lstrip("\ufeff"), newline=""))) == [
        [f"'{text}", 'a "b", c', "-1.5"]
    ]


def test_entries_of_the_zip_have_no_paths(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/many")
    script = "async name => (await import('/static/js/zip.js')).entryName(6, name)"
    for name, entry in {
        "../../etc/passwd": "07 .._.._etc_passwd.jpg",
        "C:\\duck\u0000\n.png": "07 C_duck_.jpg",
        "Entchen süß 🦆.heic": "07 Entchen süß _.jpg",
        ".jpg": "07 picture.jpg",
        "a" * 300: f"07 {'a' * 80}.jpg",
    }.items():
        assert page.evaluate(script, name) == entry
