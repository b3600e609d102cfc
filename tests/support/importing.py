"""Imports into a project as the job does them, and small data sets for them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from rubberduck.custom_models.project_keys import import_key
from rubberduck.custom_models.project_pictures import ProjectPicture, ProjectPictures, Quota
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.jobs.child import Task
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.project_imports import (
    import_file,
)
from tests.support.pictures import encoded
from tests.support.scenes import scene


class Silent(Task):
    def _send(self, **message: Any) -> None:
        """Nobody follows this step."""


class Logged(Silent):
    def __init__(self, site: Pipeline, lines: list[str]) -> None:
        super().__init__("a-job", lambda: site, cast(Any, SimpleNamespace()))
        self.lines = lines

    def log(self, line: str) -> None:
        self.lines.append(line)


@dataclass
class Importing:
    """A project of boxes, and what importing into it says and leaves."""

    site: Pipeline
    project: Project
    lines: list[str] = field(default_factory=list)

    def send(self, name: str, data: bytes, **chosen: Any) -> dict[str, int]:
        """Import a file as the job does; return the counts."""
        self.site.storage.put(key := import_key(self.project.id, name), data)
        options = {"quota_pictures": 1000, "quota_bytes": 10**9, **chosen}
        task = Logged(self.site, self.lines)
        return import_file(task, self.project.id, "ada", key, options)

    @property
    def boxes(self) -> dict[str, dict[str, Any]]:
        """Return SHA-256 of each picture → label → (left, top, width, height)."""
        names = Projects(self.site.results.database).get(self.project.id).label_names
        return {
            each.sha256: {
                names[box.label]: (box.left, box.top, box.width, box.height) for box in each.boxes
            }
            for each in self.pictures
        }

    @property
    def pictures(self) -> list[ProjectPicture]:
        database, quota = self.site.results.database, Quota(1000, 10**9)
        stored = ProjectPictures(database, self.site.storage, 10**7, quota)
        return list(stored.each(self.project.id))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


PICTURES = [encoded(scene(number)) for number in range(3)]


def coco(boxes: Mapping[str, tuple[int, ...]], label: str = "disc") -> str:
    """Return a COCO file with a box in each picture of 400 x 300 pixels, by name."""
    images = [
        {"id": number, "file_name": name, "width": 400, "height": 300}
        for number, name in enumerate(boxes)
    ]
    annotations = [
        {"id": number + 1, "image_id": number, "category_id": 1, "bbox": [*box]}
        for number, box in enumerate(boxes.values())
    ]
    categories = [{"id": 1, "name": label}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


VOC = """<annotation><filename>{name}</filename>
<size><width>400</width><height>300</height><depth>3</depth></size><object><name>disc</name>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object></annotation>"""


BOX, LINE = (0, 0, 40, 60), "0 0.05 0.1 0.1 0.2\n"


def label_studio(image: str) -> str:
    """Return an export with the box of `BOX` in a picture of 400 x 300 pixels."""
    value = {"x": 0, "y": 0, "width": 10, "height": 20, "rectanglelabels": ["disc"]}
    size = {"original_width": 400, "original_height": 300}
    result = {"type": "rectanglelabels", **size, "value": value}
    return json.dumps([{"data": {"image": image}, "annotations": [{"result": [result]}]}])
