"""A real Firefox, driven over Marionette by Mozilla's own client.

Playwright cannot: its own build is none that visitors have, and with Debian's (channel
"moz-firefox", Playwright 1.65.2, Firefox 153) no page opens, as BiDi's command
`emulation.setMediaFeaturesOverride` is unknown to it. Selenium needs geckodriver, which neither
Debian nor PyPI carries.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
PAGE_TIMEOUT = 60.0  # seconds
# A film of its own instead of a camera, and nobody has to allow it.
FAKE_CAMERA = {"media.navigator.streams.fake": True, "media.navigator.permission.disabled": True}


@contextmanager
def firefox(log: Path, **preferences: Any) -> Iterator[Any]:
    """Run Firefox with these preferences and yield its client; skip the test without one."""
    marionette = pytest.importorskip("marionette_driver.marionette")
    if not PROGRAM:
        pytest.skip("Firefox is not installed: SKIPPED (apt-get install firefox-esr)")
    client = marionette.Marionette(
        bin=PROGRAM, port=0, headless=True, prefs=preferences, gecko_log=str(log)
    )
    try:
        client.start_session()
        client.timeout.page_load = client.timeout.script = client.timeout.implicit = PAGE_TIMEOUT
        yield client
    finally:
        client.cleanup()
