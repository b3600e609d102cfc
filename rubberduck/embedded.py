"""The embedded detector, loaded when it is first needed: pages are shown without it."""

import threading
from typing import TYPE_CHECKING

from rubberduck.errors import BrokenModel, DetectorFailed
from rubberduck.model import Label
from rubberduck.model_file import NAME, WORDS, read_model
from rubberduck.pictures import Picture

if TYPE_CHECKING:
    from rubberduck.local_detector import LocalDetector


class EmbeddedDetector:
    """Known by name and words at once, loaded at its first look.

    BrokenModel at once, if its file is not what its checksum says; DetectorFailed later, if it
    cannot be loaded all the same.
    """

    name = NAME
    words = WORDS
    dollars_a_picture = 0.0

    def __init__(self) -> None:
        read_model()
        self._lock = threading.Lock()
        self._loaded: LocalDetector | None = None

    def labels(self, picture: Picture) -> list[Label]:
        return self._at_hand().labels(picture)

    def check(self) -> None:
        """Looks at nothing, once; before, loads what is not loaded yet."""
        self._at_hand().check()

    def _at_hand(self) -> "LocalDetector":
        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
        return self._loaded


def _load() -> "LocalDetector":
    try:
        # Not at the top: numpy and onnxruntime take longer than the rest of the site.
        from rubberduck.local_detector import LocalDetector

        return LocalDetector()
    except (BrokenModel, ImportError) as error:
        raise DetectorFailed("The embedded detector cannot be loaded.", cause=str(error)) from error
