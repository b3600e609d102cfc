"""What is trained on: pictures with their labels."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from rubberduck.custom_models.dataset import Box


@dataclass(frozen=True)
class TrainingPicture:
    """A labelled picture. Neither boxes nor labels: it shows nothing.

    `load` returns the upright picture, RGB; `boxes` are in its pixels. Pictures of one `group`
    never serve for training and for choosing thresholds at once.
    """

    load: Callable[[], Image.Image]
    boxes: tuple[Box, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = "train"  # train, validation or test; those of test are not looked at
    group: str | int = ""

    def shown(self) -> set[str]:
        """Return the labels that the picture shows, by its boxes or as a whole."""
        return {box.label for box in self.boxes} | set(self.labels)
