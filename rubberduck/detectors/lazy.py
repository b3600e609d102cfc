"""The embedded detector, loaded on first use: pages need neither numpy nor onnxruntime."""

from functools import cached_property
from typing import TYPE_CHECKING

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Label
from rubberduck.detectors.model_file import DETECTOR_NAME, SUPPORTED_LABELS
from rubberduck.imaging.decode import Picture

if TYPE_CHECKING:
    from rubberduck.detectors.embedded import OnnxDetector


class LazyEmbeddedDetector:
    """Has name and labels at once, and loads the model on the first call."""

    name = DETECTOR_NAME
    supported_labels = SUPPORTED_LABELS
    cost_per_call_usd = 0.0

    @property
    def version(self) -> str:
        """Return the SHA-256 of the model file. Raises DetectorFailed."""
        return self._detector.version

    def labels(self, picture: Picture) -> list[Label]:
        return self._detector.labels(picture)

    def check(self) -> None:
        """Run the model on an empty picture. Raises DetectorFailed if it cannot be loaded."""
        self._detector.check()

    # Two simultaneous first calls may load it twice; the second one is kept. `warm_up` runs before.
    @cached_property
    def _detector(self) -> "OnnxDetector":
        try:
            from rubberduck.detectors.embedded import OnnxDetector

            return OnnxDetector()
        except (InvalidModel, ImportError) as error:
            reason = "The embedded detector cannot be loaded."
            raise DetectorFailed(reason, cause=str(error)) from error
