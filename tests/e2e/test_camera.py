"""The camera in a real Chromium, which is shown a film of a pond that a duck visits."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from rubberduck.jobs.models import SITE
from tests.support.browser import MAX_WAIT, SCREENS, chromium, complaints, screen
from tests.support.ducks import YELLOW, gradient, rendered_duck
from tests.support.pictures import encoded
from tests.support.server import Site, serving

ALLOWED = "--use-fake-ui-for-media-stream"  # nobody has to answer the browser's question
CAMERAS = "--use-fake-device-for-media-stream"
FILM = "--use-file-for-fake-video-capture"
ELSEWHERE = "--host-resolver-rules=MAP duck.test 127.0.0.1"

YES, NO = "Rubber duck detected! :)", "No rubber duck detected."
FRAMES_A_SECOND = 30  # of a film made of JPEGs, to Chromium
SIZE, DUCK, PLACE = (640, 480), 260, (190, 120)
LARGE = (1280, 720)
SCENE = 4  # seconds without a duck, and as many with one
FRAMES = "**/api/v1/frames"
pytestmark = pytest.mark.enable_socket

# What a visitor could notice, written down while it happens.
WATCH = """
window.seen = {words: [], boxes: [], asked: 0, open: 0, mostOpen: 0, tracks: [], violations: 0};
addEventListener("securitypolicyviolation", () => seen.violations++);
addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector(".now [role=status]");
  const boxes = document.querySelector(".camera .boxes");
  if (!boxes) return;
  const write = () => seen.words.push([words.textContent, performance.now()]);
  new MutationObserver(write).observe(words, {childList: true});
  new MutationObserver(() => {
    const {width, height} = boxes.viewBox.baseVal;
    for (const rect of boxes.querySelectorAll(".line")) {
      const {x, y, width: w, height: h} = rect.getBBox();
      seen.boxes.push([x / width, y / height, (x + w) / width, (y + h) / height]);
    }
  }).observe(boxes, {childList: true});
});
const {fetch} = window;
window.fetch = async (url, options) => {
  if (!String(url).endsWith("/frames")) return fetch(url, options);
  seen.asked++;
  seen.mostOpen = Math.max(seen.mostOpen, ++seen.open);
  try {
    return await fetch(url, options);
  } finally {
    seen.open--;
  }
};
const devices = navigator.mediaDevices;
const ask = devices?.getUserMedia.bind(devices);
if (devices) devices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  seen.tracks.push(...stream.getTracks());
  return stream;
};
"""

OpenBrowser = Callable[..., AbstractContextManager[Browser]]


@pytest.fixture(scope="module")
def open_browser(playwright: Playwright) -> OpenBrowser:
    @contextmanager
    def opened(*switches: str) -> Iterator[Browser]:
        browser = chromium(playwright, ELSEWHERE, *switches)
        yield browser
        browser.close()

    return opened


@cache
def pond(left: int, size: tuple[int, int] = SIZE) -> bytes:
    scene, duck = gradient(size), cut_out()
    scene.paste(duck, (left, PLACE[1]), duck)
    return encoded(scene, quality=90)


@cache
def cut_out() -> Image.Image:
    return rendered_duck(YELLOW, DUCK)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty pond; then a duck swims in, stays, and swims out. Chromium shows it for ever."""
    moves, stays = FRAMES_A_SECOND // 2, (SCENE - 1) * FRAMES_A_SECOND
    way_in = [(DUCK + PLACE[0]) * step // moves - DUCK for step in range(moves)]
    way_out = [PLACE[0] + (SIZE[0] - PLACE[0]) * step // moves for step in range(moves)]
    lefts = [SIZE[0]] * SCENE * FRAMES_A_SECOND + way_in + [PLACE[0]] * stays + way_out
    file = tmp_path_factory.mktemp("film") / "visit.mjpeg"
    file.write_bytes(b"".join(map(pond, lefts)))
    return file


@pytest.fixture(scope="module")
def browser(
    open_browser: OpenBrowser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Its camera sees a duck that stays."""
    file = tmp_path_factory.mktemp("film") / "duck.mjpeg"
    file.write_bytes(pond(PLACE[0], LARGE) * FRAMES_A_SECOND)
    with open_browser(ALLOWED, CAMERAS, f"{FILM}={file}") as browser:
        yield browser


@contextmanager
def visit(browser: Browser, url: str, script: str = "", **options: Any) -> Iterator[Page]:
    """The camera's page on a phone; afterwards, nothing was refused and no script failed."""
    context = browser.new_context(viewport={"width": 360, "height": 800}, **options)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    console: list[str] = []
    page.on("console", lambda line: console.append(line.text))
    page.add_init_script(WATCH + script)
    page.goto(f"{url}/camera")
    yield page
    assert broken == []
    assert [line for line in console if "Content Security Policy" in line] == []
    context.close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with visit(browser, site.url) as page:
        yield page
        assert seen(page, "violations") == 0


def seen(page: Page, what: str) -> Any:
    return page.evaluate(f"seen.{what}")


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    for _ in range(MAX_WAIT // 100):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came to that")


def turn_on(page: Page) -> None:
    page.get_by_role("button", name="Turn on the camera").click()


def answer(page: Page) -> Any:
    return page.locator(".now [role=status]")


def all_that_is_kept(site: Site) -> tuple[list[Path], dict[str, int]]:
    folder = site.log_file.parent
    with closing(sqlite3.connect(folder / "duck.db")) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        count = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables}
        # Scheduled jobs may come at any time: those are what the site does by itself.
        count["jobs"] = db.execute("SELECT count(*) FROM jobs WHERE owner <> ?", [SITE]).fetchone()
    for name in ("leases", "job_log"):
        del count[name]
    return sorted((folder / "uploads").rglob("*.jpg")), {name: n for name, (n,) in count.items()}


def test_a_duck_comes_and_goes(open_browser: OpenBrowser, site: Site, film: Path) -> None:
    before = all_that_is_kept(site)
    with (
        open_browser(ALLOWED, CAMERAS, f"{FILM}={film}") as browser,
        visit(browser, site.url) as page,
    ):
        turn_on(page)

        def answers() -> list[tuple[str, float]]:
            return [(words, at) for words, at in seen(page, "words") if words in (YES, NO)]

        wait_until(page, lambda: len(answers()) >= 5)
        words, times = zip(*answers()[:5], strict=True)
        boxes, most_open = seen(page, "boxes"), seen(page, "mostOpen")
    assert words == (NO, YES, NO, YES, NO)
    # Without flicker: twice the same words are as far apart as their scenes are.
    again = [later - sooner for sooner, later in zip(times, times[2:], strict=False)]
    assert min(again) > 0.75 * SCENE * 1000
    duck = [PLACE[0], PLACE[1], PLACE[0] + cut_out().width, PLACE[1] + cut_out().height]
    place = [side / length for side, length in zip(duck, SIZE * 2, strict=True)]
    assert any(box == pytest.approx(place, abs=0.05) for box in boxes)
    assert most_open == 1
    assert all_that_is_kept(site) == before


def test_one_click_on_the_first_page_turns_it_on(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_role("link", name="Turn on the camera").click()
    expect(answer(page)).to_have_text(YES)
    expect(page.locator(".camera .boxes rect")).not_to_have_count(0)


@pytest.mark.parametrize("kind", SCREENS)
def test_axe_finds_nothing_while_it_is_on(browser: Browser, site: Site, kind: str) -> None:
    with screen(browser, kind) as page:
        page.goto(f"{site.url}/camera#on")
        expect(answer(page)).to_have_text(YES)
        assert complaints(page) == []


def test_keep_this_one(page: Page, site: Site) -> None:
    before, _ = all_that_is_kept(site)
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    expect(page.locator(".sure")).to_have_text(re.compile(r"9\d% confidence"))
    with page.expect_request("**/api/v1/pictures"):
        page.get_by_role("button", name="Keep this one").click()
    page.wait_for_url("**/result/*")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    body = page.evaluate("fetch(location.pathname + '.json').then((answer) => answer.json())")
    assert (body["width"], body["height"]) == LARGE
    after, _ = all_that_is_kept(site)
    assert len(after) - len(before) == 2  # the picture, and the one with boxes


def test_what_could_not_be_kept_is_said(page: Page, site: Site) -> None:
    before = all_that_is_kept(site)
    words = {"title": "Too many pictures at once", "detail": "Please try again."}
    problem = {**words, "status": 503, "request_id": "a1b2"}
    page.route("**/api/v1/pictures", lambda route: route.fulfill(status=503, json=problem))
    turn_on(page)
    page.get_by_role("button", name="Keep this one").click()
    expect(page.get_by_role("alert").first).to_have_text(
        "Too many pictures at once. Please try again. (a1b2)"
    )
    expect(page.get_by_role("button", name="Keep this one")).to_be_enabled()
    expect(answer(page)).to_have_text(YES)  # it goes on
    assert all_that_is_kept(site) == before


def test_a_site_that_is_busy_is_asked_again_later(page: Page) -> None:
    asked_at: list[float] = []

    def refuse_once(route: Route) -> None:
        asked_at.append(page.evaluate("performance.now()"))
        if len(asked_at) > 1:
            return route.continue_()
        return route.fulfill(status=503, headers={"Retry-After": "2"}, json={})

    page.route(FRAMES, refuse_once)
    turn_on(page)
    trouble = page.locator(".camera .trouble")
    expect(trouble).to_have_text(
        "The site cannot answer at the moment. We will try again automatically."
    )
    expect(answer(page)).to_have_text(YES)
    expect(trouble).to_be_hidden()
    assert asked_at[1] - asked_at[0] > 1900


def test_a_lost_connection_is_said_and_waited_for(page: Page) -> None:
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    page.route(FRAMES, lambda route: route.abort())
    trouble = page.locator(".camera .trouble")
    expect(trouble).to_contain_text("The connection was lost.")
    expect(page.locator(".camera .boxes rect")).to_have_count(0)
    expect(answer(page)).to_have_text("Checking…")
    page.unroute(FRAMES)
    expect(answer(page)).to_have_text(YES)
    expect(trouble).to_be_hidden()


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_page_that_nobody_sees_asks_nothing(page: Page) -> None:
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    hide(page, True)
    wait_until(page, lambda: bool(seen(page, "open") == 0))
    asked = seen(page, "asked")
    page.wait_for_timeout(1000)
    assert seen(page, "asked") <= asked + 1  # one may have been on its way to being asked
    asked = seen(page, "asked")
    page.wait_for_timeout(500)
    assert seen(page, "asked") == asked
    hide(page, False)
    wait_until(page, lambda: bool(seen(page, "asked") > asked))


def press_off(page: Page) -> None:
    page.get_by_role("button", name="Turn off").click()


def leave(page: Page) -> None:
    page.evaluate("void dispatchEvent(new Event('pagehide'))")


@pytest.mark.parametrize("end", [press_off, leave])
def test_off_is_off(page: Page, end: Callable[[Page], None]) -> None:
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    end(page)
    assert page.evaluate("seen.tracks.map((track) => track.readyState)") == ["ended"]
    expect(page.locator("video")).to_be_hidden()
    expect(answer(page)).to_have_text("")
    asked = seen(page, "asked")
    page.wait_for_timeout(500)
    assert seen(page, "asked") == asked
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    assert seen(page, "mostOpen") == 1


def test_by_keyboard_on_a_small_phone(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 600})
    button = page.get_by_role("button", name="Turn on the camera")
    expect(button).to_be_visible()
    while not button.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep this one")).to_be_focused()
    expect(answer(page)).to_have_text(YES)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Turn off")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_be_focused()


def test_one_of_several_cameras(open_browser: OpenBrowser, site: Site) -> None:
    with (
        open_browser(ALLOWED, f"{CAMERAS}=device-count=2") as browser,
        visit(browser, site.url) as page,
    ):
        turn_on(page)
        choice = page.get_by_label("Choose a camera")
        expect(choice.get_by_role("option")).to_have_count(2)
        names = choice.get_by_role("option").all_inner_texts()
        in_use = "document.querySelector('video').srcObject?.getVideoTracks()[0].label"
        other = next(name for name in names if name != page.evaluate(in_use))
        choice.select_option(label=other)
        wait_until(page, lambda: bool(page.evaluate(in_use) == other))
        states = page.evaluate("seen.tracks.map((track) => track.readyState)")
        assert states == ["ended", "live"]
        expect(answer(page)).to_have_text(NO)
        assert seen(page, "mostOpen") == 1


def refused(page: Page, words: str) -> None:
    expect(page.locator(".camera .trouble")).to_contain_text(words)
    expect(page.locator("video")).to_be_hidden()
    expect(answer(page)).to_have_text("")
    expect(page.get_by_label("Or upload a picture")).to_be_visible()
    assert seen(page, "violations") == 0


def test_a_visitor_who_does_not_allow_it(open_browser: OpenBrowser, site: Site) -> None:
    with open_browser(f"{ALLOWED}=deny", CAMERAS) as browser, visit(browser, site.url) as page:
        turn_on(page)
        refused(page, "Access to the camera was denied.")
        expect(page.get_by_role("button", name="Turn on the camera")).to_be_focused()


def test_no_camera(open_browser: OpenBrowser, site: Site) -> None:
    no_cameras = f"{CAMERAS}=device-count=0"
    with open_browser(ALLOWED, no_cameras) as browser, visit(browser, site.url) as page:
        turn_on(page)
        refused(page, "No camera was found.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "Access to the camera was denied."),
        ("SecurityError", "Access to the camera was denied."),
        ("OverconstrainedError", "No camera was found."),
        ("NotReadableError", "The camera is in use by another program."),
        ("AbortError", "The camera is in use by another program."),
        ("UnknownError", "The camera did not start."),
    ],
)
def test_a_camera_that_does_not_start(browser: Browser, site: Site, error: str, words: str) -> None:
    fails = f'devices.getUserMedia = async () => {{ throw new DOMException("no", "{error}"); }};'
    with visit(browser, site.url, fails) as page:
        turn_on(page)
        refused(page, words)


def test_a_camera_that_goes_away(page: Page) -> None:
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    page.evaluate("void seen.tracks[0].dispatchEvent(new Event('ended'))")
    refused(page, "The camera was disconnected.")


def test_a_page_that_is_not_https(browser: Browser, tmp_path: Path) -> None:
    with (
        serving(tmp_path, DUCK_HOSTS="duck.test") as site,
        visit(browser, f"http://duck.test:{site.port}") as page,
    ):
        refused(page, "Browsers allow camera access only on HTTPS pages")
        expect(page.get_by_role("button", name="Turn on the camera")).to_be_hidden()


def test_without_javascript(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url)
    expect(page.get_by_role("link", name=re.compile("camera", re.I))).to_have_count(0)
    page.goto(f"{site.url}/camera")
    expect(page.locator("noscript .note")).to_be_visible()
    expect(page.get_by_role("button", name="Turn on the camera")).to_be_hidden()
    page.get_by_label("Or upload a picture").set_input_files(
        {"name": "duck.jpg", "mimeType": "image/jpeg", "buffer": pond(PLACE[0])}
    )
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rubber duck detected! :))")
    context.close()


def test_a_question_without_live_answers(browser: Browser, tmp_path: Path) -> None:
    aws = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    cat = {"DUCK_BUCKET": "ducks-of-the-tests", "DUCK_QUESTION": "questions/cat.toml"}
    sent: list[str] = []
    with serving(tmp_path, **aws, **cat) as site, visit(browser, site.url) as page:
        page.on("request", lambda request: sent.append(request.method))
        page.route(
            "**/api/v1/pictures",
            lambda route: route.fulfill(status=201, json={"links": {"page": "/privacy"}}),
        )
        turn_on(page)
        expect(
            page.get_by_text("Live answers are not available for this question.")
        ).to_be_visible()
        expect(page.locator("video")).to_be_visible()
        page.wait_for_timeout(500)
        assert "POST" not in sent
        page.get_by_role("button", name="Keep this one").click()
        page.wait_for_url("**/privacy")


def remembered(page: Page, answers: str, every: int = 100) -> Any:
    """What is said (y, n, or ? for nothing) after each of the answers, a while apart."""
    return page.evaluate(
        """async ([answers, every]) => {
            const { Memory } = await import("/static/js/memory.js");
            const memory = new Memory();
            return [...answers].map((each, index) => {
                const outlines = each === "y" ? [{}] : [];
                memory.add({found: each === "y", score: 90, outlines}, index * every);
                const said = {true: "y", false: "n"}[memory.found] ?? "?";
                return said + (memory.picture(index * every) ? "+" : "");
            }).join(" ");
        }""",
        [answers, every],
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param("n", "n", id="a first no is said at once"),
        pytest.param("yy", "? y+", id="a first yes needs a second one"),
        pytest.param("nny", "n n n", id="one odd yes changes nothing"),
        pytest.param("nyny", "n n n y+", id="two yeses of three"),
        pytest.param("yyny", "? y+ y+ y+", id="one odd no changes nothing, and the box stays"),
        pytest.param("yynnyy", "? y+ y+ y+ y+ y+", id="nor do two"),
        pytest.param("yynnn", "? y+ y+ y+ n", id="three do"),
        pytest.param("ynnn", "? ? ? n", id="a first yes that was none"),
    ],
)
def test_memory(page: Page, answers: str, said: str) -> None:
    assert remembered(page, answers) == said


def test_boxes_do_not_outstay_their_thing(page: Page) -> None:
    assert remembered(page, "yynny", every=300) == "? y+ y+ y y+"
    assert remembered(page, "yyyn", every=1000) == "? y+ y+ y"


def test_slow_answers_get_smaller_and_fewer_frames(page: Page) -> None:
    paces = page.evaluate(
        """async () => {
            const { Pace } = await import("/static/js/memory.js");
            const pace = new Pace();
            const after = (milliseconds, times) => {
                for (let i = 0; i < times; i++) pace.add(milliseconds);
                return [pace.side, Math.round(pace.pause(milliseconds))];
            };
            return [after(80, 3), after(500, 1), after(500, 30), after(200, 30), after(80, 30)];
        }"""
    )
    assert paces == [[640, 0], [640, 0], [320, 250], [320, 0], [640, 0]]


def test_fast_answers_get_at_most_fifteen_frames_a_second(page: Page) -> None:
    pauses = page.evaluate(
        """async () => {
            const { Pace } = await import("/static/js/memory.js");
            const pace = new Pace();
            const pauses = [];
            for (const took of [5, 40, 66, 70]) {
                pace.add(took);
                pauses.push(Math.round(pace.pause(took)));
            }
            return pauses;
        }"""
    )
    assert pauses == [62, 27, 1, 0]  # the next frame starts 67 ms after the one before


def test_too_many_requests_slow_the_camera_down_and_it_recovers(page: Page) -> None:
    intervals = page.evaluate(
        """async () => {
            const { Pace } = await import("/static/js/memory.js");
            const pace = new Pace();
            const intervals = [];
            for (let i = 0; i < 7; i++) {
                pace.tooMany();
                intervals.push(Math.round(pace.pause(0)));
            }
            for (let i = 0; i < 100; i++) pace.add(5);
            return [...intervals, Math.round(pace.pause(0))];
        }"""
    )
    assert intervals == [133, 267, 533, 1067, 2000, 2000, 2000, 67]


def test_a_camera_that_asked_too_often_goes_on_by_itself(page: Page) -> None:
    statuses = iter([429, 429, 429])

    def refuse_three_times(route: Route) -> None:
        if status := next(statuses, None):
            return route.fulfill(status=status, headers={"Retry-After": "60"}, json={})
        return route.continue_()

    page.route(FRAMES, refuse_three_times)
    page.evaluate(
        """() => {
            window.complaints = [];
            const trouble = document.querySelector(".camera .trouble");
            new MutationObserver(() => complaints.push(trouble.textContent))
                .observe(trouble, { childList: true });
        }"""
    )
    turn_on(page)
    expect(answer(page)).to_have_text(YES)
    assert next(statuses, None) is None
    assert page.evaluate("complaints.filter(Boolean)") == []
