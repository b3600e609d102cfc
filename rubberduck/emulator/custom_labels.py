"""DetectCustomLabels, by a project's embedded model that runs."""

from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError
from rubberduck.custom_models.model_version import RUNNING, ModelVersion
from rubberduck.emulator.arns import find_version
from rubberduck.emulator.boxes import percent
from rubberduck.emulator.errors import not_ready
from rubberduck.emulator.images import CUSTOM_LABELS, read_image
from rubberduck.emulator.site import Site
from rubberduck.emulator.versions import state_of

if TYPE_CHECKING:
    from rubberduck.custom_models.embedded_model import EmbeddedModel

PERCENT = 100.0


def detect_custom_labels(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    version = find_version(site, given["ProjectVersionArn"]).version
    if (state := state_of(site, version)) != RUNNING:
        raise not_ready(f"The model is {state}: it answers while it is {RUNNING}")
    picture = read_image(site, given["Image"], CUSTOM_LABELS)
    model = _model(site, version)
    found = list(_found(model, picture.image, given.get("MinConfidence")))
    found.sort(key=lambda each: -each["Confidence"])
    site.open_hosting().touch(version.id)
    return {"CustomLabels": found[: given.get("MaxResults")]}


def _model(site: Site, version: ModelVersion) -> "EmbeddedModel":
    try:
        return site.answering_models.embedded_model(version.id, version.file_key)
    except FileNotFoundError as error:
        raise DuckError("The model's file is gone.", cause=str(error)) from error


def _found(model: "EmbeddedModel", image: Any, least: float | None) -> Any:
    """Yield one element for each box, or for each label of the whole picture.

    Without a least confidence, in percent, the threshold of each label decides.
    """
    thresholds = model.thresholds
    if least is not None:
        thresholds = dict.fromkeys(thresholds, least / PERCENT)
    prediction = model.predict(image)
    if model.kind != "boxes":
        for name, score in prediction.labels:
            if score >= thresholds[name]:
                yield {"Name": name, "Confidence": percent(PERCENT * score)}
        return
    for box in prediction.boxes:
        if box.score >= thresholds[box.label]:
            yield {
                "Name": box.label,
                "Confidence": percent(PERCENT * box.score),
                "Geometry": {
                    "BoundingBox": {
                        "Width": box.width,
                        "Height": box.height,
                        "Left": box.left,
                        "Top": box.top,
                    }
                },
            }
