"""The split of a project: planned, shown, changed by hand, stored with the pictures."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_

from rubberduck.custom_models.dataset import SPLITS
from rubberduck.custom_models.errors import InvalidProject
from rubberduck.custom_models.project_pictures import ProjectPicture
from rubberduck.custom_models.project_split import Placed, place
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
    placed = place(
        [
            Placed(
                id=each.id,
                labels=frozenset((*(box.label for box in each.boxes), *each.labels)),
                side=each.split if each.split_is_fixed or not again else None,
                group=each.group_name,
                hash=bytes.fromhex(each.difference_hash) if each.difference_hash else None,
                taken_at=each.taken_at,
            )
            for each in labelled
        ],
        seed,
    )
    return {id: (where.side, where.group) for id, where in placed.items()}


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


def crossing_groups(pictures: Sequence[ProjectPicture], groups: dict[str, tuple[str, int]]) -> int:
    """Return how many groups are on two sides, since somebody fixed pictures by hand."""
    sides: dict[int, set[str]] = {}
    for picture in pictures:
        if picture.split and picture.id in groups:
            sides.setdefault(groups[picture.id][1], set()).add(picture.split)
    return sum(len(found) > 1 for found in sides.values())
