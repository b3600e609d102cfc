"""Firefox, also with privacy.resistFingerprinting: as Tor, Mullvad and LibreWolf set it."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.ducks import gradient
from tests.support.firefox import FAKE_CAMERA, firefox
from tests.support.pictures import encoded
from tests.support.server import Site, until

LARGE = (2600, 1300)
SHRUNK = (2048, 1024)
HIDES_CANVAS = {"privacy.resistFingerprinting": True}
# Marionette's client (3.7.1) leaves sockets to the garbage collector.
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WHY = "replaces camera pictures with noise"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(gradient(LARGE), quality=90))
    return file


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "resistFingerprinting"])
def hides_canvas(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, hides_canvas: bool) -> Iterator[Any]:
    preferences = FAKE_CAMERA | (HIDES_CANVAS if hides_canvas else {})
    log = tmp_path_factory.mktemp("firefox") / "log"
    with firefox(log, **preferences) as browser:
        yield browser


def text(browser: Any, selector: str) -> str:
    return str(browser.execute_script(f"return document.querySelector('{selector}').textContent"))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures of one size, of 255."""
    first, second = (np.asarray(image.convert("RGB"), dtype=float) for image in (one, other))
    return float(abs(first - second).mean())


def test_a_photo_arrives_as_it_is(
    browser: Any, site: Site, photo: Path, hides_canvas: bool
) -> None:
    browser.navigate(site.url)
    # How many bytes the page sends: the file's own, unless it was shrunk.
    browser.execute_script(
        "const append = FormData.prototype.append;"
        "FormData.prototype.append = function (name, file, ...more) {"
        "  localStorage.sent = file.size; append.call(this, name, file, ...more); };",
        sandbox=None,
    )
    browser.find_element("css selector", "#picture").send_keys(str(photo))
    until(lambda: "/result/" in browser.get_url())
    sent = int(browser.execute_script("return localStorage.sent"))
    assert (sent == photo.stat().st_size) == hides_canvas
    picture = browser.get_url().partition("?")[0].removeprefix(site.url) + "/picture.jpg"
    status, body = site.get(picture)
    assert status == 200
    with Image.open(BytesIO(body)) as stored, Image.open(photo) as original:
        assert stored.size == SHRUNK
        assert difference(stored, original.resize(SHRUNK)) < 4


def test_the_camera_says_why_it_cannot(browser: Any, site: Site, hides_canvas: bool) -> None:
    browser.navigate(f"{site.url}/camera")
    assert (
        "replaces camera pictures with noise" in text(browser, ".camera .trouble")
    ) == hides_canvas
    on_button = browser.find_element("css selector", "button.on")
    assert on_button.is_displayed() != hides_canvas
    if hides_canvas:
        return
    on_button.click()
    until(lambda: text(browser, ".now [role=status]") == "No rubber duck detected.")
