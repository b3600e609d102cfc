"""The visitor's story in a real Chromium, with JavaScript."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    Playwright,
    Route,
    expect,
)

from rubberduck.core.settings import ROOT
from tests.support.browser import chromium
from tests.support.pictures import corners, encoded, exif
from tests.support.server import Site, until

pytestmark = pytest.mark.enable_socket

YES, NO = "Rubber duck detected! :))", "No rubber duck detected :("
LOOK_AT_POLICY = """
    addEventListener("securitypolicyviolation", (event) =>
        console.error("POLICY", event.violatedDirective, event.blockedURI));
"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed: no error, nothing against the policy."""
    page, wrong = context.new_page(), []
    page.add_init_script(LOOK_AT_POLICY)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda line: wrong.append(line.text) if "POLICY" in line.text else None,
    )
    yield page
    assert wrong == []


def rows(site: Site) -> int:
    file = site.log_file.parent / "duck.db"
    with sqlite3.connect(file) as database:
        count = database.execute("SELECT count(*) FROM duck_results").fetchone()[0]
    database.close()
    return int(count)


def objects(site: Site) -> int:
    return len(list((site.log_file.parent / "uploads").rglob("*.jpg")))


def heading(page: Page) -> str:
    page.wait_for_url("**/result/*")
    return page.get_by_role("heading", level=1).inner_text()


REMEMBER_WHAT_IS_SENT = """
    const append = FormData.prototype.append;
    FormData.prototype.append = function (name, file, ...more) {
        window.sent = file.arrayBuffer().then((buffer) =>
            btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("")));
        append.call(this, name, file, ...more);
    };
    null;
"""


def sent_bytes(page: Page, file: Path | FilePayload) -> bytes:
    """Return the file that the page sends, when `file` is chosen; the request is aborted."""
    page.evaluate(REMEMBER_WHAT_IS_SENT)
    page.route("**/api/v1/pictures", lambda route: route.abort())
    with page.expect_request("**/api/v1/pictures"):
        page.get_by_label("Upload a picture").set_input_files(file)
    return base64.b64decode(page.evaluate("window.sent"))


def hold_uploads(page: Page) -> list[Route]:
    """Keep what the page sends from the site, until a test continues it."""
    held: list[Route] = []

    def hold(route: Route) -> None:  # Playwright takes no bound method of a built-in type
        held.append(route)

    page.route("**/api/v1/pictures", hold)
    return held


# A chosen file is decoded, and then sent, when the test calls `decode()`.
HOLD_DECODING = """
    const real = createImageBitmap;
    window.createImageBitmap = async (...given) => {
        await new Promise((resolve) => { window.decode = resolve; });
        return real(...given);
    };
"""


def a_photo(width: int, height: int, **options: object) -> bytes:
    """Shapes and grain, about as heavy as a photograph."""
    rng = np.random.default_rng(7)
    coarse = Image.fromarray(rng.integers(0, 255, (height // 64, width // 64, 3), np.uint8))
    image = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    grain = rng.normal(0, 6, (height, width, 1)).astype(np.int16)
    return encoded(Image.fromarray(np.clip(image + grain, 0, 255).astype(np.uint8)), **options)  # type: ignore[arg-type]


def hand_over(page: Page, how: str, data: bytes, type: str) -> None:
    """Drop or paste a file, as the browser's own events do."""
    page.evaluate(
        """([how, data, type]) => {
            const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt());
            const files = new DataTransfer();
            files.items.add(new File([bytes], "picture", { type }));
            const many = { bubbles: true, cancelable: true };
            const event = how === "paste"
                ? new ClipboardEvent("paste", { ...many, clipboardData: files })
                : new DragEvent(how, { ...many, dataTransfer: files });
            document.body.dispatchEvent(event);
        }""",
        [how, base64.b64encode(data).decode(), type],
    )


def test_a_chosen_picture_is_shown_and_sent_at_once(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    held = hold_uploads(page)
    page.get_by_label("Upload a picture").set_input_files(duck)
    preview = page.get_by_alt_text("Preview of the picture you chose")
    expect(preview).to_be_visible()
    expect(preview).to_have_attribute("src", re.compile("^blob:"))
    expect(page.get_by_text("Upload a picture")).to_be_hidden()  # the preview took its place
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    assert heading(page) == YES


@pytest.mark.parametrize("type", ["", "text/plain", "application/octet-stream"])
def test_the_bytes_decide_and_not_the_type(page: Page, site: Site, duck: Path, type: str) -> None:
    """Android and Windows give files without an association no type, or a wrong one."""
    page.goto(site.url)
    hand_over(page, "drop", duck.read_bytes(), type)
    assert heading(page) == YES


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_is_sent_as_it_is_and_a_still_picture_as_a_jpeg(
    page: Page, site: Site, format: str
) -> None:
    """Whatever the file's type says. A GIF is always sent as it is."""
    more: dict[str, Any] = {"save_all": True, "append_images": [corners().rotate(180)]}
    if format == "PNG":
        more["icc_profile"] = bytes(100_000)  # a long chunk before the animation's
    for data, is_kept in ((encoded(format=format, **more), True), (encoded(format=format), False)):
        page.goto(site.url)
        sent = sent_bytes(page, {"name": "a", "mimeType": "image/jpeg", "buffer": data})
        assert (sent == data) is (is_kept or format == "GIF")


def test_the_result_of_an_animation_says_so(page: Page, site: Site, duck: Path) -> None:
    still = Image.open(duck)
    data = encoded(still, "WEBP", save_all=True, append_images=[still.rotate(180)])
    page.goto(site.url)
    file: FilePayload = {"name": "duck.webp", "mimeType": "image/webp", "buffer": data}
    page.get_by_label("Upload a picture").set_input_files(file)
    assert heading(page) == YES
    expect(page.get_by_text("The picture is animated; only its first frame")).to_be_visible()


def test_drop_anywhere(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    hand_over(page, "dragenter", b"", "image/jpeg")
    expect(page.locator("body")).to_have_class("dropping")
    hand_over(page, "drop", duck.read_bytes(), "image/jpeg")
    assert heading(page) == YES


def test_of_several_pictures_the_first_is_shown_before_it_is_sent(page: Page, site: Site) -> None:
    """Beside the camera, where the page of many pictures cannot take the page's place."""
    page.goto(f"{site.url}/camera")
    page.evaluate(
        """() => {
            const files = new DataTransfer();
            for (const name of ["one.png", "two.png"])
                files.items.add(new File([name], name, { type: "image/png" }));
            const many = { bubbles: true, cancelable: true, dataTransfer: files };
            document.body.dispatchEvent(new DragEvent("drop", many));
        }"""
    )
    expect(page.get_by_role("alert")).to_contain_text("One picture at a time")
    expect(page.get_by_role("button", name="Check this picture")).to_be_enabled()


def test_drop_on_a_page_with_an_answer(page: Page, site: Site, duck: Path) -> None:
    page.goto(f"{site.url}/sample/none")
    hand_over(page, "drop", duck.read_bytes(), "image/jpeg")
    assert heading(page) == YES


def test_paste_by_key(page: Page, site: Site) -> None:
    page.goto(site.url)
    hand_over(page, "paste", encoded(format="PNG"), "image/png")
    assert heading(page) == NO


def test_paste_by_button(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_role("button", name="Paste").click()
    expect(page.get_by_role("alert")).to_contain_text("no picture in the clipboard")
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(320, 240);
            canvas.getContext("2d").fillRect(0, 0, 99, 99);
            const png = await canvas.convertToBlob({ type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }"""
    )
    page.get_by_role("button", name="Paste").click()
    assert heading(page) == NO


def test_what_is_no_picture_is_told_so(page: Page, site: Site) -> None:
    page.goto(site.url)
    before = rows(site)
    for type in ("text/plain", "image/jpeg"):
        hand_over(page, "drop", b"quack", type)
        expect(page.get_by_role("alert")).to_contain_text("This file is not a picture we can read")
        expect(page.locator("p.name")).to_be_visible()
        expect(page.locator("p.name")).not_to_contain_text("may still be able to read it")
        page.reload()
    assert rows(site) == before


def test_a_photo_is_made_small_and_upright_before_it_travels(page: Page, site: Site) -> None:
    photo = a_photo(4000, 3000, quality=92, exif=exif(6))
    assert len(photo) > 3_000_000
    page.goto(site.url)
    jpeg = sent_bytes(page, {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    assert len(jpeg) <= 999_000  # and the form around it
    image = Image.open(BytesIO(jpeg))
    assert image.size == (1536, 2048)
    assert not image.getexif()


def test_what_the_browser_cannot_read_is_sent_as_it_is(
    page: Page, site: Site, duck: Path, tmp_path: Path
) -> None:
    tiff = tmp_path / "duck.tiff"
    Image.open(duck).save(tiff)
    page.goto(site.url)
    assert sent_bytes(page, tiff) == tiff.read_bytes()
    page.unroute_all()
    page.get_by_role("button", name="Check this picture").click()
    assert heading(page) == YES


def heavy_tiff() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1400, 3), np.uint8)
    return encoded(Image.fromarray(pixels), format="TIFF")


def slow_down(page: Page, bytes_a_second: int) -> None:
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 20,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        },
    )


def test_progress_moves_and_cancel_leaves_nothing(page: Page, site: Site) -> None:
    page.goto(site.url)
    rows_before, objects_before = rows(site), objects(site)
    slow_down(page, 1_500_000)
    page.get_by_label("Upload a picture").set_input_files(
        {"name": "heavy.tiff", "mimeType": "image/tiff", "buffer": heavy_tiff()}
    )
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    progress = page.get_by_role("progressbar", name="Upload")
    seen: set[float] = set()
    while len(seen) < 4:  # it moves
        seen.add(progress.evaluate("bar => bar.value"))
        page.wait_for_timeout(50)
    assert max(seen) < 1
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_have_text("Cancelled. Nothing was saved.")
    expect(page.get_by_role("button", name="Check this picture")).to_be_enabled()
    assert (rows(site), objects(site)) == (rows_before, objects_before)


def test_what_has_arrived_cannot_be_cancelled_any_more(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    page.evaluate(
        """() => {
            XMLHttpRequest.prototype.send = function () {  // all is sent, and nobody answers yet
                setTimeout(() => this.upload.dispatchEvent(new ProgressEvent("load")), 10);
            };
        }"""
    )
    page.get_by_label("Upload a picture").set_input_files(duck)
    expect(page.get_by_text("Checking…")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.get_by_role("button", name="Check this picture")).to_be_hidden()


def test_a_lost_connection_is_told_and_can_be_tried_again(
    page: Page, site: Site, duck: Path
) -> None:
    page.goto(site.url)
    page.context.set_offline(True)
    page.get_by_label("Upload a picture").set_input_files(duck)
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost.")
    expect(page.locator("#service")).to_have_text("Offline")
    page.context.set_offline(False)
    expect(page.locator("#service")).to_have_text("Online")
    page.get_by_role("button", name="Check this picture").click()
    assert heading(page) == YES


def test_a_picture_that_is_still_being_checked_leads_to_its_page(
    page: Page, site: Site, duck: Path
) -> None:
    """The answer to a repeated upload is 202 without links until the first one is answered."""
    url = f"{site.url}/api/v1/pictures"
    created = page.request.post(
        url, data=duck.read_bytes(), headers={"Content-Type": "image/jpeg"}
    ).json()
    pending = {"id": created["id"], "status": "pending"}
    page.route(url, lambda route: route.fulfill(status=202, json=pending))
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(duck)
    page.wait_for_url(f"**/result/{created['id']}")


def test_one_click_shows_a_sample(page: Page, site: Site) -> None:
    page.goto(site.url)
    before = rows(site)
    page.get_by_role("link", name="A whole flock").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(YES)
    assert page.locator(".boxes rect").count() >= 3
    assert rows(site) == before


def test_the_slider_judges_again(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/hard")
    expect(page.get_by_role("heading", level=1)).to_have_text(YES)
    slider = page.get_by_label("Confidence threshold")
    slider.fill("99")
    expect(page.get_by_role("heading", level=1)).to_have_text(NO)
    assert page.url.endswith("?min=99")
    expect(page.locator(".boxes rect")).to_have_count(0)
    slider.fill("35")
    expect(page.get_by_role("heading", level=1)).to_have_text(YES)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(YES)


def test_the_slider_knows_the_way_back(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    hand_over(page, "drop", duck.read_bytes(), "image/jpeg")
    assert heading(page) == YES
    where, right = page.url, page.get_by_text("Was this right?")
    page.get_by_label("Confidence threshold").fill("100")
    expect(page.get_by_role("heading", level=1)).to_have_text(NO)
    expect(right).to_be_hidden()  # it asks about the answer that is kept
    page.context.set_offline(True)
    page.get_by_label("Confidence threshold").fill("40")
    expect(page.get_by_role("alert").first).to_contain_text("The result could not be updated.")
    page.context.set_offline(False)
    page.get_by_role("link", name="Back to 35%").click()
    page.wait_for_url(where)
    expect(right).to_be_visible()


def test_a_folder_is_told_from_a_picture(page: Page, site: Site, tmp_path: Path) -> None:
    page.add_init_script(HOLD_DECODING)
    page.goto(site.url)
    gone = tmp_path / "gone.tiff"
    gone.write_bytes(heavy_tiff())
    page.get_by_label("Upload a picture").set_input_files(gone)
    until(lambda: bool(page.evaluate("Boolean(window.decode)")))
    gone.unlink()
    page.evaluate("decode()")
    expect(page.get_by_role("alert")).to_contain_text("This file cannot be read")


def test_what_the_browser_cannot_show_is_named_and_the_server_shows_it(
    page: Page, site: Site
) -> None:
    before = rows(site), objects(site)
    page.goto(site.url)
    hold_uploads(page)
    previews: list[Route] = []

    def hold(route: Route) -> None:
        previews.append(route)

    page.route("**/preview", hold)
    name = page.get_by_text("duck.heic: Your browser cannot preview this file")
    page.get_by_label("Upload a picture").set_input_files(
        {"name": "duck.heic", "mimeType": "image/heic", "buffer": heic_duck()}
    )
    expect(name).to_be_visible()
    while not previews:
        page.wait_for_timeout(50)
    previews[0].continue_()
    preview = page.get_by_alt_text("Preview of the picture you chose")
    expect(preview).to_be_visible()
    expect(name).to_be_hidden()
    assert preview.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [640, 480]
    assert (rows(site), objects(site)) == before


def heic_duck() -> bytes:
    """A picture that Chromium cannot decode."""
    return encoded(Image.open(ROOT / "static" / "samples" / "easy.jpg"), format="HEIF")


def test_shrinking_and_sending_are_told_apart(page: Page, site: Site) -> None:
    page.goto(site.url)
    hold_uploads(page)
    page.evaluate(
        """() => {
            window.said = [];
            const status = document.querySelector(".going [role=status]");
            new MutationObserver(() => said.push(status.textContent))
                .observe(status, { childList: true });
        }"""
    )
    photo = a_photo(4000, 3000, quality=90)
    page.get_by_label("Upload a picture").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
    )
    expect(page.locator(".going [role=status]")).to_have_text("Sending…")
    assert page.evaluate("window.said") == ["Shrinking the picture…", "Sending…"]


@pytest.mark.parametrize("way", ["choose", "drop", "paste", "camera"])
def test_every_way_in_goes_at_once(page: Page, site: Site, duck: Path, way: str) -> None:
    page.goto(site.url)
    held = hold_uploads(page)
    if way in ("drop", "paste"):
        hand_over(page, way, duck.read_bytes(), "image/jpeg")
    else:
        page.locator("#picture" if way == "choose" else "#shot").set_input_files(duck)
    expect(page.get_by_alt_text("Preview of the picture you chose")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_have_text("Cancelled. Nothing was saved.")
    page.get_by_role("button", name="Choose another").click()
    expect(page.get_by_text("Upload a picture")).to_be_visible()
    assert len(held) <= 1


def test_the_first_page_fits_on_a_screen(page: Page, site: Site) -> None:
    for width, height, last in ((1280, 800, ".samples"), (360, 740, ".ask")):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(site.url)
        box = page.locator(last).bounding_box()
        assert box
        assert box["y"] + box["height"] <= height, last


def test_what_lies_below_a_drop_does_not_shine_through(page: Page, site: Site) -> None:
    page.goto(site.url)
    hand_over(page, "dragenter", b"", "image/jpeg")
    colour = page.evaluate("getComputedStyle(document.body, '::after').backgroundColor")
    assert re.fullmatch(r"rgb\(\d+, \d+, \d+\)", colour)  # without transparency


def test_back_does_not_show_what_was_deleted(
    playwright: Playwright, site: Site, duck: Path
) -> None:
    pages_are_kept = {"ignore_default_args": ["--disable-back-forward-cache"]}
    browser = chromium(playwright, whole=True, **pages_are_kept)
    page = browser.new_page()
    page.goto(site.url)
    page.get_by_label("Upload a picture").set_input_files(duck)
    heading(page)
    page.wait_for_load_state()  # its script has run, which listens for this
    page.get_by_text("Delete this picture").click()
    page.get_by_role("button", name="Delete now").click()
    page.wait_for_url("**/mine")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    browser.close()


def test_the_link_is_copied(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sample/easy")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/sample/easy"


def test_a_new_api_key_is_copied(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/mine")
    page.get_by_text("Make a key").first.click()
    page.get_by_label("Name", exact=True).fill("backup script")
    page.get_by_role("button", name="Make a key").click()
    key = page.get_by_label("Copy it now").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key


def test_download(page: Page, site: Site, duck: Path) -> None:
    page.goto(site.url)
    hand_over(page, "drop", duck.read_bytes(), "image/jpeg")
    heading(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the picture with boxes").click()
    assert download.value.suggested_filename.startswith("rubber-duck-detected-")
    assert download.value.path().read_bytes().startswith(b"\xff\xd8")


def test_the_whole_way_by_keyboard(page: Page, site: Site, duck: Path) -> None:
    page.on("filechooser", lambda _: None)  # from now on it is ours, not the browser's own window
    page.goto(site.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    while page.evaluate("document.activeElement.id") != "picture":
        page.keyboard.press("Tab")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(duck)
    assert heading(page) == YES
    expect(page.get_by_role("status").first).to_contain_text(YES)
    while page.evaluate("document.activeElement.textContent") != "Delete this picture":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mine")
    expect(page.get_by_role("status").first).to_contain_text("Deleted:")


def test_the_home_page_is_light(page: Page, site: Site) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    heavy: dict[str, str] = {}
    weights: dict[str, int] = {}
    session.on(
        "Network.responseReceived",
        lambda event: heavy.update({event["requestId"]: event["response"]["url"]}),
    )
    session.on(
        "Network.loadingFinished",
        lambda event: weights.update({event["requestId"]: event["encodedDataLength"]}),
    )
    page.goto(site.url, wait_until="networkidle")
    ours = {heavy[id]: weight for id, weight in weights.items() if "/samples/" not in heavy[id]}
    assert sum(ours.values()) <= 60_000, json.dumps(ours)
    assert not [url for url in ours if url.endswith(".css")]  # nothing to wait for before painting
    assert page.locator("script:not([type=module])").count() == 0
    # Ten packets are what a server sends before it first waits for an answer: they hold the styles
    # and all that is asked, so that the first paint takes one round trip.
    answer = page.goto(site.url)
    assert answer
    head = sum(len(name) + len(value) + 4 for name, value in answer.all_headers().items())
    assert head + answer.body().index(b"</form>") < 14_600
