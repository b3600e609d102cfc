"""A real Chromium, its screens, and what axe says of a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright

# Colours depend on the scheme, layout on the width: two screens see both of each. `make soak` has
# every pair.
SCREENS = ["light 360", "dark 1280"]
# The size of targets is not among what axe looks at by itself.
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# The first makes no windows that nobody looks at, and takes half of the time.
WHOLE = ["chromium", "google-chrome"]
OWN = ["chromium-headless-shell", *WHOLE]
# How long a test waits for a page, in milliseconds: a busy computer is no failure.
MAX_WAIT = 120_000
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"),
    # One process draws the pages of all tests: a page in a new one costs a fifth more.
    *("--renderer-process-limit=1", "--disable-site-isolation-trials"),
]


def chromium(playwright: Playwright, *more: str, whole: bool = False, **options: Any) -> Browser:
    """The machine's own, or the one that Playwright brought; without any, the test is skipped.

    `whole`: with windows, for what the other one does not do as people's browsers do.
    """
    own = next(filter(None, map(shutil.which, WHOLE if whole else OWN)), None)
    if not own and not Path(playwright.chromium.executable_path).exists():
        pytest.skip("Chromium is not installed: SKIPPED (apt-get install chromium)")
    browser = playwright.chromium.launch(executable_path=own, args=[*QUIET, *more], **options)
    browser.on("context", lambda context: context.set_default_timeout(MAX_WAIT))
    return browser


@contextmanager
def screen(browser: Browser, kind: str, **options: Any) -> Iterator[Page]:
    """A page on one of SCREENS."""
    scheme, width = kind.split()
    options |= {"color_scheme": scheme, "viewport": {"width": int(width), "height": 800}}
    context = browser.new_context(**options)
    yield context.new_page()
    context.close()


def complaints(page: Page) -> list[str]:
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{each['id']}: {node['html'][:150]}" for each in found for node in each["nodes"]]
