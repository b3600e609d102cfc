"""A real Chromium."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def chromium(playwright: Playwright, *more: str, **options: Any) -> Browser:
    """The machine's own, or the one that Playwright brought; without any, the test is skipped."""
    own = shutil.which("chromium") or shutil.which("google-chrome")
    if not own and not Path(playwright.chromium.executable_path).exists():
        pytest.skip("Chromium is not installed: SKIPPED (apt-get install chromium)")
    return playwright.chromium.launch(executable_path=own, args=[*QUIET, *more], **options)
