"""Projects with pictures to label, on the databases and sites of the tests."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from rubberduck.custom_models.project_pictures import Added, ProjectPictures, Quota, Upload
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.db.engine import Database
from rubberduck.storage.base import Storage
from rubberduck.storage.folder import FolderStorage
from tests.support.pictures import encoded, exif
from tests.support.server import Site

QUOTA = Quota(1000, 10**9)


def noise(seed: int, size: tuple[int, int] = (640, 480), turn: int = 1) -> bytes:
    """Return a picture that no other one resembles; `size` is that of the stored file."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    return encoded(image, exif=exif(turn), quality=80)


def add_project(
    database: Database,
    storage: Storage,
    name: str,
    pictures: Iterable[bytes],
    kind: str = "boxes",
    labels: Iterable[str] = ("mug", "plate"),
) -> tuple[Project, list[str]]:
    """Return a new project and the ids of its pictures, in their order."""
    project = Projects(database).create(name, kind, labels, "somebody")
    store = ProjectPictures(database, storage, 10**7, QUOTA)
    added = [
        store.add(project, Upload(data, f"{number}.jpg", created_by="somebody", near_is_fine=True))
        for number, data in enumerate(pictures)
    ]
    return project, [each.picture.id for each in added if isinstance(each, Added)]


def add_project_to(site: Site, *arguments: object, **options: object) -> tuple[Project, list[str]]:
    """Add it to a site that runs."""
    folder = site.log_file.parent
    database = Database(f"sqlite:///{folder / 'duck.db'}")
    try:
        return add_project(database, FolderStorage(folder / "uploads"), *arguments, **options)  # type: ignore[arg-type]
    finally:
        database.close()
