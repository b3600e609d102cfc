"""The split of a project: planned, shown, changed by hand, stored with the pictures."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_

from rubberduck.custom_models.dataset import SPLITS
from rubberduck.custom_models.errors import InvalidProject
from rubberduck.custom_models.project_pictures import ProjectPicture
from rubberduck.custom_models.project_split import Placed, groups_of_placed, place
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.tables import project_pictures
from rubberduck.db.engine import Database, is_storable
from rubberduck.db.tables import READY

row = project_pictures.c
BATCH = 500


@dataclass(frozen=True)
class SplitTable:
    """Labelled pictures by label and side. `without` have no side yet."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    without: int = 0
    nothing: Counter[str] = field(default_factory=Counter)

    @property
    def has_sides(self) -> bool:
        return bool(self.totals)


@dataclass(frozen=True)
class SplitGroups:
    """Videos, bursts and near duplicates: how many, and the pictures of each on two sides.

    A picture that resembles no other is a group of its own. None is on two sides before somebody
    fixes pictures by hand.
    """

    number: int
    crossing: tuple[tuple[ProjectPicture, ...], ...]


def split_table(project: Project, pictures: Iterable[ProjectPicture]) -> SplitTable:
    """Return the table of the stored split, with every label of the project."""
    counts: dict[str, Counter[str]] = {each.id: Counter() for each in project.labels}
    totals, nothing, without = Counter[str](), Counter[str](), 0
    for picture in pictures:
        if not picture.is_labelled:
            continue
        if picture.split is None:
            without += 1
            continue
        totals[picture.split] += 1
        if picture.is_empty:
            nothing[picture.split] += 1
        for label in {box.label for box in picture.boxes} | set(picture.labels):
            counts.setdefault(label, Counter())[picture.split] += 1
    return SplitTable(counts, totals, without, nothing)


def plan_sides(
    pictures: Sequence[ProjectPicture], seed: int, *, again: bool
) -> dict[str, tuple[str, int]]:
    """Return side and group of each labelled picture.

    With `again`, only sides that were fixed by hand are kept, and all others are drawn anew;
    otherwise a picture that has a side keeps it.
    """
    labelled = [each for each in pictures if each.is_labelled]
    kept = [each.split if each.split_is_fixed or not again else None for each in labelled]
    placed = place([_placed(each, side) for each, side in zip(labelled, kept, strict=True)], seed)
    return {id: (where.side, where.group) for id, where in placed.items()}


def _placed(picture: ProjectPicture, side: str | None) -> Placed:
    return Placed(
        id=picture.id,
        labels=frozenset((*(box.label for box in picture.boxes), *picture.labels)),
        side=side,
        group=picture.group_name,
        hash=bytes.fromhex(picture.difference_hash) if picture.difference_hash else None,
        taken_at=picture.taken_at,
    )


def save_sides(database: Database, project_id: str, sides: dict[str, str]) -> None:
    """Store the side of each picture."""
    by_side: dict[str, list[str]] = {side: [] for side in SPLITS}
    for id, side in sides.items():
        by_side[side].append(id)
    with database.transaction(writing=True) as connection:
        for side, ids in by_side.items():
            for start in range(0, len(ids), BATCH):
                of = and_(row.project_id == project_id, row.id.in_(ids[start : start + BATCH]))
                connection.execute(project_pictures.update().where(of).values(split=side))


def set_sides(database: Database, project_id: str, ids: Collection[str], side: str | None) -> int:
    """Fix pictures to a side, or with None let the split decide again; return their number.

    Raises InvalidProject.
    """
    if side is not None and side not in SPLITS:
        raise InvalidProject("A side is train, validation or test.")
    known = [id for id in ids if is_storable(id)]
    chosen = and_(row.project_id == project_id, row.status == READY, row.id.in_(known))
    values = {"split_is_fixed": side is not None} | ({"split": side} if side else {})
    with database.transaction(writing=True) as connection:
        statement = project_pictures.update().where(chosen).values(values)
        return connection.execute(statement).rowcount


def split_groups(pictures: Sequence[ProjectPicture]) -> SplitGroups:
    """Return the groups of the labelled pictures, and those that are on two sides."""
    labelled = [each for each in pictures if each.is_labelled]
    members: dict[int, list[ProjectPicture]] = {}
    groups = groups_of_placed([_placed(each, each.split) for each in labelled])
    for picture, group in zip(labelled, groups, strict=True):
        members.setdefault(group, []).append(picture)
    crossing = [
        tuple(own) for own in members.values() if len({each.split for each in own} - {None}) > 1
    ]
    return SplitGroups(len(members), tuple(crossing))
