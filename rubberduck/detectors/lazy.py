"""The embedded detector, loaded when it is first needed: pages are shown without it."""

from typing import TYPE_CHECKING

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Label
from rubberduck.core.once import once
from rubberduck.detectors.model_file import NAME, WORDS
from rubberduck.imaging.decode import Picture

if TYPE_CHECKING:
    from rubberduck.detectors.embedded import OnnxDetector


class LazyEmbeddedDetector:
    """Known by name and words at once, loaded at its first look; DetectorFailed if it cannot be."""

    name = NAME
    words = WORDS
    cost_per_call_usd = 0.0

    def __init__(self) -> None:
        self._loaded = once(_load)

    def labels(self, picture: Picture) -> list[Label]:
        return self._loaded().labels(picture)

    def check(self) -> None:
        """Looks at nothing, once; before, loads what is not loaded yet."""
        self._loaded().check()


def _load() -> "OnnxDetector":
    try:
        # Not at the top: numpy and onnxruntime take longer than the rest of the site.
        from rubberduck.detectors.embedded import OnnxDetector

        return OnnxDetector()
    except (InvalidModel, ImportError) as error:
        raise DetectorFailed("The embedded detector cannot be loaded.", cause=str(error)) from error
