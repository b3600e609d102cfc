"""The page of a video in a browser: boxes in step with the picture, a link that runs out."""

import threading
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from werkzeug.serving import make_server

from app import create_app
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.services.pipeline import Pipeline
from tests.support.browser import SCREENS, complaints, screen
from tests.support.ready_videos import noisy_clip, store_video
from tests.support.server import Site

pytestmark = pytest.mark.enable_socket
ID = "a-video-of-22-letters_"
PAGE = f"/videos/{ID}"
# Where the yellow duck is in the frame that the player shows, and where the box over it.
MEASURE = """
    const video = document.querySelector("#player video");
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    function places() {
        context.drawImage(video, 0, 0);
        const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
        let [left, top, right, bottom] = [width, height, -1, -1];
        for (let y = 0; y < height; y += 1)
            for (let x = 0; x < width; x += 1) {
                const at = 4 * (y * width + x);
                if (data[at] < 180 || data[at + 2] > 110) continue;
                [left, top] = [Math.min(left, x), Math.min(top, y)];
                [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
            }
        const rect = document.querySelector("#player .boxes g:not(.off) .line");
        const box = rect && ["x", "y", "width", "height"].map((name) => +rect.getAttribute(name));
        const duck = right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
        return { duck, box };
    }
    const shown = () => new Promise((done) =>
        video.requestVideoFrameCallback(() => done(places())));
"""
SEEK = MEASURE + "video.currentTime = seconds; return shown();"
PLAY = (
    MEASURE
    + """
    const found = [];
    video.muted = true;
    await video.play();
    while (found.length < seconds) found.push(await shown());
    video.pause();
    return found;
"""
)


def measure(page: Page, script: str, number: float) -> Any:
    return page.evaluate(f"async (seconds) => {{ {script} }}", number)


@pytest.fixture(scope="session")
def stored(site: Site) -> Iterator[str]:
    """The address of an analysed video of the site."""
    folder = site.log_file.parent
    settings = Settings(
        database_url=f"sqlite:///{folder / 'duck.db'}",
        uploads=folder / "uploads",
        secret_key="a" * 16,
    )
    pipeline = build_pipeline(settings)
    store_video(pipeline, ID)
    yield f"{site.url}{PAGE}"
    pipeline.close()


def apart(places: Any) -> float:
    """Return how far the box is from the duck, in pixels; it moves by two with each frame."""
    assert places["duck"], places
    assert places["box"], places
    pairs = zip(places["duck"], places["box"], strict=True)
    return max(abs(float(one) - float(other)) for one, other in pairs)


def test_boxes_are_in_step_with_the_picture(browser: Browser, stored: str) -> None:
    page = browser.new_page()
    with page.expect_response("**/tracks.json"):
        page.goto(stored)
    page.wait_for_function("document.querySelector('#player video').readyState >= 2")
    for seconds in (0.5, 2.33, 1.07, 3.71, 6.9):  # in between the samples of each 0.2 s
        assert apart(measure(page, SEEK, seconds)) <= 1, seconds
    assert measure(page, SEEK, 5.0) == {"duck": None, "box": None}
    measure(page, SEEK, 0.0)
    # While it plays, a callback may come when the next frame is shown already.
    # A busy machine shows some frames before their boxes are drawn, or after.
    assert median(map(apart, measure(page, PLAY, 30))) < 3
    page.get_by_role("button", name="Boxes", exact=True).click()
    assert page.locator("#player .boxes g:not(.off)").count() == 0
    page.get_by_role("button", name="Boxes", exact=True).click()
    page.get_by_role("link", name="Rubber duck 2 0:06.0–0:07.6 92%").press("Enter")
    assert page.url == stored  # it was not loaded again
    expect(page.locator("#player video")).to_have_js_property("currentTime", 6)
    expect(page.locator("#player .boxes text")).to_have_text("Rubber duck 2")
    page.close()


def test_filters_leave_the_player_where_it_is(browser: Browser, stored: str) -> None:
    page = browser.new_page()
    page.goto(stored)
    measure(page, SEEK, 2.33)
    page.get_by_label("Confidence threshold").fill("95")
    expect(page.get_by_role("heading", level=1)).to_have_text("No rubber duck detected :(")
    expect(page.locator("#player .boxes g:not(.off)")).to_have_count(0)
    expect(page.locator("#timeline")).to_have_count(0)
    page.get_by_label("Confidence threshold").fill("50")
    page.get_by_label("What").select_option("Toy")
    expect(page.locator("#player .boxes text")).to_have_text("Toy 1")
    expect(page.locator("#player video")).to_have_js_property("currentTime", 2.33)
    assert page.url.endswith("?label=Toy&confidence=50")
    page.close()


@pytest.mark.parametrize("kind", SCREENS)
def test_the_page_is_for_everybody(browser: Browser, stored: str, kind: str) -> None:
    with screen(browser, kind, reduced_motion="reduce") as page:
        page.goto(stored)
        for closed in page.locator("main details").all():
            closed.evaluate("details => details.open = true")
        assert complaints(page) == []
        too_wide = page.evaluate(
            """() => [...document.querySelectorAll("main *")]
                .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
                .map(each => each.outerHTML.slice(0, 100))"""
        )
        assert too_wide == []


@pytest.fixture
def in_bucket(
    aws_settings: Settings, s3: Any, composed: Callable[[Settings], Pipeline]
) -> Iterator[str]:
    """The address of a video that lies in a bucket."""
    settings = aws_settings.model_copy(update={"engine": "local"})
    pipeline = composed(settings)
    store_video(pipeline, ID, film=noisy_clip())
    server = make_server("127.0.0.1", 0, create_app(settings, pipeline=pipeline), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PAGE}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("is_chosen_meanwhile", [False, True])
def test_the_player_goes_on_when_the_buckets_link_has_run_out(
    browser: Browser, aws: str, in_bucket: str, *, is_chosen_meanwhile: bool
) -> None:
    page = browser.new_page()
    links: list[str] = []
    is_expired = False

    def pass_or_refuse(route: Route) -> None:
        if is_expired:
            route.fulfill(status=403, body="Request has expired")
        else:
            route.continue_()

    def note(request: Request) -> None:
        nonlocal is_expired
        if "/copy" in request.url and request.url.startswith(in_bucket):
            links.append(request.url)
            is_expired = False

    page.route(f"{aws}/**", pass_or_refuse)
    page.on("request", note)
    with page.expect_response("**/tracks.json"):
        page.goto(in_bucket)
    page.wait_for_function("document.querySelector('#player video').readyState >= 2")
    assert (
        page.evaluate("document.querySelector('#player video').currentSrc") == f"{in_bucket}/copy"
    )
    second_duck = page.get_by_role("link", name="Rubber duck 2 0:06.0–0:07.6 92%")
    if is_chosen_meanwhile:  # after the error, and before the new link is loaded
        second_duck.evaluate(
            """link => document.querySelector("#player video").addEventListener(
                "error", () => link.click(), { once: true })"""
        )
        is_expired = True
        # Unless it has run into the error already, as it loads more than it shows.
        page.evaluate("document.querySelector('#player video').currentTime ||= 3")
    else:
        is_expired = True
        second_duck.click()
    expect(page.locator("#player .boxes text")).to_have_text("Rubber duck 2")
    expect(page.locator("#player video")).to_have_js_property("currentTime", 6)
    assert links == [f"{in_bucket}/copy", f"{in_bucket}/copy?again=1"]
    page.close()
