"""The embedded detector, loaded when it is first needed: pages are shown without it."""

import threading
from typing import TYPE_CHECKING

from rubberduck.model import Label
from rubberduck.model_file import NAME, WORDS, read_model
from rubberduck.pictures import Picture

if TYPE_CHECKING:
    from rubberduck.local_detector import LocalDetector


class EmbeddedDetector:
    """What is known of it before; BrokenModel at once, if its file is not whole."""

    name = NAME
    words = WORDS
    dollars_a_picture = 0.0

    def __init__(self) -> None:
        read_model()
        self._lock = threading.Lock()
        self._loaded: LocalDetector | None = None

    def labels(self, picture: Picture) -> list[Label]:
        return self._load().labels(picture)

    def check(self) -> None:
        """Looks at nothing, once; before, loads what is not loaded yet."""
        self._load().check()

    def _load(self) -> "LocalDetector":
        with self._lock:
            if self._loaded is None:
                # Not at the top: numpy and onnxruntime take longer than the rest of the site.
                from rubberduck.local_detector import LocalDetector

                self._loaded = LocalDetector()
        return self._loaded
