"""What a project is trained and measured with: its labelled pictures, on their sides.

The previews are used, which are what the trunk sees at most of a picture: upright, of our own
encoding, at most 1,280 pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from sqlalchemy import and_

from rubberduck.core.models import Box
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models import dataset
from rubberduck.custom_models.embedded_model import EmbeddedModel, Prediction
from rubberduck.custom_models.evaluation import BOXES
from rubberduck.custom_models.project_pictures import ProjectPicture, picture_from_row
from rubberduck.custom_models.project_split import Place, Placed, groups_of_placed, place
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.training.pictures import TrainingPicture
from rubberduck.custom_models.training_checks import TEST, TRAIN, VALIDATION, Finding, check
from rubberduck.db.engine import Database
from rubberduck.db.tables import READY
from rubberduck.scoring.matching import Answer, Target, TestedPicture
from rubberduck.storage.base import Storage

UNRATED = 500  # unlabelled pictures whose uncertainty is computed: some minutes
Progress = Callable[[float, str], None]  # percent, and what is done at the moment
row = project_pictures.c


@dataclass(frozen=True)
class TrainingSet:
    """The labelled pictures of a project; `labels` are ids and names in the project's order."""

    kind: str
    labels: tuple[tuple[str, str], ...]
    pictures: tuple[ProjectPicture, ...]
    places: Mapping[str, Place]

    @property
    def names(self) -> dict[str, str]:
        return dict(self.labels)

    def shown(self, picture: ProjectPicture) -> frozenset[str]:
        """Return the names of the labels that a picture shows."""
        own = picture.labels
        if self.kind == BOXES:
            own = tuple(box.label for box in picture.boxes)
        return frozenset(self.names[id] for id in own if id in self.names)

    def side(self, picture: ProjectPicture) -> str:
        return self.places[picture.id].side

    def on(self, *sides: str) -> list[ProjectPicture]:
        return [picture for picture in self.pictures if self.side(picture) in sides]

    def findings(self) -> list[Finding]:
        """Return what stands in the way of a training, and what makes its figures doubtful."""
        shown = [(self.shown(picture), self.side(picture)) for picture in self.pictures]
        return check(self.kind, [name for _, name in self.labels], shown)

    def splits(self) -> dict[str, str]:
        return {id: where.side for id, where in self.places.items()}


def read_set(  # noqa: PLR0913 - the last two are of special cases
    database: Database,
    project_id: str,
    kind: str,
    labels: Iterable[tuple[str, str]],
    *,
    kept: Mapping[str, str] | None = None,
    seed: int = 0,
) -> TrainingSet:
    """Read the labelled pictures and put each on a side; `kept` has the sides of an old version.

    Pictures that have a side keep it; with `kept`, those that are not in it are left out.
    """
    query = project_pictures.select().where(
        row.project_id == project_id, row.status == READY, row.revision > 0
    )
    with database.transaction() as connection:
        found = connection.execute(query.order_by(row.created_at, row.id)).mappings().all()
    pictures = [picture_from_row(each) for each in found]
    if kept is not None:
        pictures = [replace(p, split=kept[p.id]) for p in pictures if p.id in kept]
    bare = TrainingSet(kind, tuple(labels), tuple(pictures), {})
    placed = [_placed(picture, bare.shown(picture)) for picture in pictures]
    if kept is None:
        return replace(bare, places=place(placed, seed))
    # Also where a group lies on two sides now: the version was trained and tested so.
    groups = zip(pictures, groups_of_placed(placed), strict=True)
    return replace(bare, places={p.id: Place(kept[p.id], group) for p, group in groups})


def _placed(picture: ProjectPicture, labels: frozenset[str]) -> Placed:
    return Placed(
        id=picture.id,
        labels=labels,
        side=picture.split,
        group=picture.group_name,
        hash=bytes.fromhex(picture.difference_hash) if picture.difference_hash else None,
        taken_at=picture.taken_at,
    )


def save_sides(database: Database, training_set: TrainingSet) -> None:
    """Store the side of each picture that has none, so that it keeps it."""
    new = [picture for picture in training_set.pictures if picture.split is None]
    by_side: dict[str, list[str]] = {}
    for picture in new:
        by_side.setdefault(training_set.side(picture), []).append(picture.id)
    with database.transaction(writing=True) as connection:
        for side, ids in by_side.items():
            for start in range(0, len(ids), 500):
                some = and_(row.id.in_(ids[start : start + 500]), row.split.is_(None))
                connection.execute(project_pictures.update().where(some).values(split=side))


class Previews:
    """The pictures' previews, fetched once into a folder."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage, self.folder = storage, folder

    def fetch(
        self, pictures: Sequence[ProjectPicture], progress: Progress, start: float, end: float
    ) -> list[ProjectPicture]:
        """Fetch previews; return the pictures that are still there."""
        fetched = []
        for number, picture in enumerate(pictures, 1):
            try:
                data = self.storage.get(picture.preview_key)
            except FileNotFoundError:  # deleted in the meantime
                continue
            self._file(picture).write_bytes(data)
            fetched.append(picture)
            share = start + (end - start) * number / len(pictures)
            progress(
                share,
                Sentence("Reading the pictures: {done} of {of}", done=number, of=len(pictures)),
            )
        return fetched

    def load(self, picture: ProjectPicture) -> Image.Image:
        """Return the upright picture, RGB."""
        with Image.open(self._file(picture), formats=["JPEG"]) as image:
            return image.convert("RGB")

    def scale(self, picture: ProjectPicture) -> tuple[float, float]:
        """Return what turns the picture's pixels into those of its preview."""
        with Image.open(self._file(picture), formats=["JPEG"]) as image:
            return image.width / picture.width, image.height / picture.height

    def _file(self, picture: ProjectPicture) -> Path:
        return self.folder / f"{picture.id}.jpg"


def training_pictures(
    training_set: TrainingSet, pictures: Sequence[ProjectPicture], previews: Previews
) -> list[TrainingPicture]:
    """Return those for training and validation, with boxes in pixels of their previews."""
    names, found = training_set.names, []
    for picture in pictures:
        if (side := training_set.side(picture)) not in (TRAIN, VALIDATION):
            continue
        x, y = previews.scale(picture)
        boxes = tuple(
            dataset.Box(
                names[box.label],
                box.left * x,
                box.top * y,
                box.width * x,
                box.height * y,
                box.crowd,
            )
            for box in picture.boxes
            if box.label in names and training_set.kind == BOXES
        )
        labels = () if training_set.kind == BOXES else tuple(sorted(training_set.shown(picture)))
        group = training_set.places[picture.id].group
        load = _loader(previews, picture)
        found.append(TrainingPicture(load, boxes, labels, split=side, group=group))
    return found


def _loader(previews: Previews, picture: ProjectPicture) -> Callable[[], Image.Image]:
    return lambda: previews.load(picture)


def tested_pictures(
    training_set: TrainingSet,
    pictures: Iterable[ProjectPicture],
    predict: Callable[[ProjectPicture], Prediction],
) -> Iterator[TestedPicture]:
    """Yield the test pictures with their truth and all that the model says of them."""
    names = training_set.names
    for picture in pictures:
        if training_set.side(picture) != TEST:
            continue
        prediction = predict(picture)
        if training_set.kind == BOXES:
            width, height = picture.width, picture.height
            targets = tuple(
                Target(
                    names[box.label],
                    _box(
                        box.left / width, box.top / height, box.width / width, box.height / height
                    ),
                    box.crowd,
                )
                for box in picture.boxes
                if box.label in names
            )
            answers = tuple(
                Answer(box.label, box.score, _box(box.left, box.top, box.width, box.height))
                for box in prediction.boxes
            )
        else:
            targets = tuple(Target(label) for label in sorted(training_set.shown(picture)))
            answers = tuple(Answer(label, score) for label, score in prediction.labels)
        group = str(training_set.places[picture.id].group)
        yield TestedPicture(picture.id, group, targets, answers, picture.revision)


def _box(left: float, top: float, width: float, height: float) -> Box:
    return Box(left, top, width, height, "", 100)


def uncertainty(prediction: Prediction, thresholds: Mapping[str, float]) -> float:
    """Return how much a label would help, 0 to 1: near 1 if a score is near its threshold.

    >>> uncertainty(Prediction((), (("cup", 0.4), ("ball", 0.1))), {"cup": 0.5, "ball": 0.5})
    0.8
    """
    doubts = [0.0]
    for label, score in [(b.label, b.score) for b in prediction.boxes] + [*prediction.labels]:
        threshold = thresholds[label]
        side = threshold if score < threshold else 1 - threshold
        doubts.append(1 - abs(score - threshold) / side if side else 0.0)
    return max(doubts)


def rate_unlabelled(
    database: Database, storage: Storage, project_id: str, model: EmbeddedModel, progress: Progress
) -> int:
    """Store the uncertainty of unlabelled pictures, UNRATED at most; return their number."""
    query = project_pictures.select().where(
        row.project_id == project_id, row.status == READY, row.revision == 0
    )
    with database.transaction() as connection:
        found = connection.execute(query.order_by(row.created_at).limit(UNRATED)).mappings().all()
    pictures = [picture_from_row(each) for each in found]
    rated = 0
    with TemporaryDirectory() as folder:
        previews = Previews(storage, Path(folder))
        for picture in pictures:
            if not previews.fetch([picture], lambda *_: None, 0, 0):
                continue
            value = uncertainty(model.predict(previews.load(picture)), model.thresholds)
            same = and_(row.id == picture.id, row.revision == 0)
            with database.transaction(writing=True) as connection:
                connection.execute(project_pictures.update().where(same).values(uncertainty=value))
            rated += 1
            progress(
                100 * rated / len(pictures),
                Sentence("Looking at what to label next: {done}", done=rated),
            )
    return rated
