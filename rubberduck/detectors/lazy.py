"""The embedded detector, loaded on first use: pages need neither numpy nor onnxruntime."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from rubberduck.core.errors import DetectorFailed, InvalidModel
from rubberduck.core.models import Label
from rubberduck.detectors.model_file import DETECTOR_NAME, SUPPORTED_LABELS, read_trunk
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
        """Run the model on an empty picture. Raises DetectorFailed if it cannot be loaded.

        Also if the trunk's file is damaged: the site tells its operator when it starts, not a
        visitor who asks a model of one's own.
        """
        self._detector.check()
        with self._loading():
            read_trunk()

    # Two simultaneous first calls may load it twice; the second one is kept. `warm_up` runs before.
    @cached_property
    def _detector(self) -> "OnnxDetector":
        with self._loading():
            from rubberduck.detectors.embedded import OnnxDetector

            return OnnxDetector()

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except (InvalidModel, ImportError) as error:
            reason = "The embedded detector cannot be loaded."
            raise DetectorFailed(reason, cause=str(error)) from error
