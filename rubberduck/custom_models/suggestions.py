"""What the newest trained model of a project says of a picture that is to be labelled.

Only embedded versions are asked: at Amazon a running model is billed by the hour.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from io import BytesIO

from PIL import Image

from rubberduck.core.models import Box as Fractions
from rubberduck.custom_models.annotations import (
    Annotation,
    AnnotationRules,
    Suggestion,
    box_in_pixels,
)
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import (
    EmbeddedModel,
    PredictedBox,
)
from rubberduck.custom_models.labelling import Task
from rubberduck.custom_models.model_version import EMBEDDED, ModelVersion
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.rules import MAX_BOXES
from rubberduck.custom_models.version_errors import InvalidModelFile, TrunkMismatch
from rubberduck.custom_models.version_files import load_version
from rubberduck.custom_models.versions import Versions
from rubberduck.storage.base import Storage

log = logging.getLogger(__name__)


class Suggestions:
    """Keeps the model asked last in memory; safe to share between threads."""

    def __init__(self, versions: Versions, storage: Storage) -> None:
        self.versions, self.storage = versions, storage
        self._lock = threading.Lock()
        self._loaded: tuple[str, EmbeddedModel | None] = ("", None)

    def newest_version(self, project_id: str) -> ModelVersion | None:
        """Return the newest version that can be asked, or None."""
        trained = (
            version
            for version in self.versions.list_all(project_id)
            if version.engine == EMBEDDED and version.is_trained and version.file_key
        )
        return next(trained, None)

    def suggest(self, project: Project, task: Task) -> Suggestion | None:
        """Return what the model sees in the picture at its thresholds; None without a model.

        Raises FileNotFoundError without the picture's preview, StorageFailed.
        """
        version = self.newest_version(project.id)
        model = self._model(version) if version else None
        if version is None or model is None:
            return None
        with Image.open(BytesIO(self.storage.get(task.preview_key))) as preview:
            prediction = model.predict(preview.convert("RGB"))
        # A label may have another name by now, or be gone.
        ids = {name: id for id, name in version.labels if id in project.label_names}
        if project.kind == "pictures":
            labels = tuple(
                ids[name]
                for name, score in prediction.labels
                if name in ids and score >= model.thresholds[name]
            )
            return Suggestion(version.number, Annotation((), labels))
        found = boxes_to_confirm(prediction.boxes, model.thresholds, ids, task)
        boxes, scores = tuple(box for box, _ in found), tuple(score for _, score in found)
        return Suggestion(version.number, Annotation(boxes), scores)

    def _model(self, version: ModelVersion) -> EmbeddedModel | None:
        """Return the version's model; None if its file is gone, or its trunk was not kept."""
        with self._lock:
            file, model = self._loaded
            if file != version.file_key:  # a version that is trained again has another file
                try:
                    model = load_version(self.storage, version)
                except (TrunkMismatch, InvalidModelFile, FileNotFoundError) as error:
                    log.warning("no suggestions version=%s cause=%s", version.id, error)
                    model = None
                self._loaded = (version.file_key or "", model)
            return model


def boxes_to_confirm(
    predicted: Iterable[PredictedBox],
    thresholds: Mapping[str, float],
    ids: Mapping[str, str],
    task: Task,
) -> list[tuple[Box, float]]:
    """Return the boxes at or above their labels' thresholds in whole pixels, with their scores.

    `ids` are the ids of the labels by name. Boxes too small to be saved are left out.
    """
    rules = AnnotationRules("boxes", ids.values(), task.width, task.height)
    found: list[tuple[Box, float]] = []
    for each in predicted:
        if each.label not in ids or each.score < thresholds[each.label]:
            continue
        place = Fractions(each.left, each.top, each.width, each.height, "", 0)
        box = box_in_pixels(place, ids[each.label], (task.width, task.height))
        if rules.allows(Annotation((box,))):
            found.append((box, each.score))
    return found[:MAX_BOXES]
