"""Projects and their labels in the database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from rubberduck.core.ids import random_id
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.errors import InvalidProject, NameTaken, NoSuchProject
from rubberduck.custom_models.picture_deletion import require_none_expired
from rubberduck.custom_models.rules import MAX_LABEL_LENGTH, MAX_LABELS
from rubberduck.custom_models.tables import (
    model_versions,
    project_labels,
    project_pictures,
    projects,
)
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.tables import DELETING, READY

Kind = Literal["boxes", "pictures"]
KINDS: tuple[Kind, ...] = ("boxes", "pictures")
ID_BYTES = 12
MAX_NAME, MAX_QUESTION = 100, 200  # characters
MAX_KEEP_DAYS = 3650
LABEL_MESSAGE = Sentence(
    "A label has 1 to {most} characters in one line, and none that is invisible."
)
NAME_MESSAGE = Sentence("A project's name has 1 to {most} characters in one line.")
QUESTION_MESSAGE = Sentence("A question has 1 to {most} characters in one line.")
NAMED_IN_QUESTION = 3  # labels; with more, the question names none
project, label = projects.c, project_labels.c


@dataclass(frozen=True)
class ProjectLabel:
    id: str
    name: str
    position: int


@dataclass(frozen=True)
class Project:
    """A project. Times are UTC; without `keep_days` its pictures stay as long as itself."""

    id: str
    name: str
    kind: Kind
    question: str
    labels: tuple[ProjectLabel, ...]
    created_at: datetime
    created_by: str
    keep_days: int | None = None
    next_version: int = 1
    arn: str | None = None
    status: str = READY

    def label(self, id: str) -> ProjectLabel:
        """Return the label with this id. Raises NoSuchProject."""
        found = next((each for each in self.labels if each.id == id), None)
        if found is None:
            raise NoSuchProject
        return found

    @property
    def label_names(self) -> dict[str, str]:
        """Return the name of each label by its id, in their order."""
        return {each.id: each.name for each in self.labels}


def _unchanged(text: str) -> str:
    return text


def default_question(labels: Sequence[str], text: Callable[[str], str] = _unchanged) -> str:
    """Return the question that a project asks unless somebody writes another one.

    `text` translates its parts.

    >>> default_question(["mug"]), default_question(["apple", "mug"])
    ('Is there a mug in this image?', 'Is there an apple or a mug in this image?')
    """
    if not 0 < len(labels) <= NAMED_IN_QUESTION:
        return text("What is in this image?")
    things = [
        (text("an {thing}") if name[:1].lower() in "aeiou" else text("a {thing}")).format(
            thing=name
        )
        for name in labels
    ]
    named = text(" or ").join(things)
    question = text("Is there {things} in this image?").format(things=named)
    return question if len(question) <= MAX_QUESTION else text("What is in this image?")


class Projects:
    """Projects by id. Every method raises ResultsUnavailable when the database fails.

    `text` translates the questions that are made from labels.
    """

    def __init__(self, database: Database, text: Callable[[str], str] = _unchanged) -> None:
        self.database = database
        self.text = text

    def create(
        self,
        name: str,
        kind: str,
        labels: Iterable[str],
        created_by: str,
        *,
        question: str | None = None,
    ) -> Project:
        """Store a new project with labels in this order. Raises InvalidProject, NameTaken."""
        if kind not in KINDS:
            raise InvalidProject("A project's kind is “boxes” or “pictures”.")
        names = clean_labels(labels)
        id = random_id(ID_BYTES)
        name = clean_name(name)
        row = {
            "id": id,
            "status": READY,
            "name": name,
            "kind": kind,
            "question": clean_question(question or self._default_question(names)),
            "created_at": to_naive_utc(datetime.now(UTC)),
            "created_by": created_by,
            "keep_days": None,
            "next_version": 1,
        }
        with self.database.transaction(writing=True) as connection:
            self._require_free_name(connection, name)
            try:
                connection.execute(projects.insert(), row)
            except IntegrityError:  # of another process that took the name at the same moment
                raise _name_taken(name) from None
            if names:
                connection.execute(
                    project_labels.insert(), [_label_row(id, n, i) for i, n in enumerate(names)]
                )
            return _get(connection, id)

    def get(self, id: str) -> Project:
        """Return the project. Raises NoSuchProject."""
        with self.database.transaction() as connection:
            return _get(connection, id)

    def list_all(self) -> tuple[Project, ...]:
        """Return all projects by name."""
        query = projects.select().where(project.status == READY).order_by(project.name)
        labels: dict[str, list[ProjectLabel]] = {}
        with self.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
            for row in connection.execute(_labels(None)).mappings():
                labels.setdefault(row["project_id"], []).append(_label(row))
        return tuple(_project(row, labels.get(row["id"], ())) for row in rows)

    def change(
        self,
        id: str,
        *,
        name: str,
        question: str,
        keep_days: int | None,
        confirmed: bool = False,
    ) -> Project:
        """Store all of them or, if one cannot be, none.

        An empty question is made from the labels again; `keep_days` is after how many days
        pictures are deleted, None keeps them. Raises InvalidProject, NameTaken, NoSuchProject, and
        PicturesWouldGo if there are pictures older than a shorter limit, unless that is
        `confirmed`.
        """
        name = clean_name(name)
        with self.database.transaction(writing=True) as connection:
            before = _get(connection, id, locked=True)
            names = [each.name for each in before.labels]
            question = question if question.strip() else self._default_question(names)
            self._require_free_name(connection, name, besides=id)
            after = _change(
                connection,
                id,
                name=name,
                question=clean_question(question),
                keep_days=clean_keep_days(keep_days),
            )
            if not confirmed:
                require_none_expired(connection, id, before.keep_days, after.keep_days)
            return after

    def add_labels(self, id: str, names: Iterable[str]) -> Project:
        """Add labels after the others; those that exist are left. Raises InvalidProject."""
        with self.database.transaction(writing=True) as connection:
            before = _get(connection, id, locked=True)
            new = new_labels(before, names)
            start = max((each.position for each in before.labels), default=-1) + 1
            if new:
                rows = [_label_row(id, name, start + i) for i, name in enumerate(new)]
                connection.execute(project_labels.insert(), rows)
            return self._with_question(connection, before)

    def rename_label(self, id: str, label_id: str, name: str) -> Project:
        """Raises InvalidProject, NameTaken, NoSuchProject."""
        name = _clean(name, MAX_LABEL_LENGTH, LABEL_MESSAGE)
        with self.database.transaction(writing=True) as connection:
            before = _get(connection, id, locked=True)
            before.label(label_id)
            if any(each.name == name and each.id != label_id for each in before.labels):
                raise NameTaken("The project has a label “{name}” already.", name=name)
            of = label.id == label_id
            connection.execute(project_labels.update().where(of).values(name=name))
            return self._with_question(connection, before)

    def reorder_labels(self, id: str, label_ids: Sequence[str]) -> Project:
        """Put the labels into this order. Raises InvalidProject unless it names each once."""
        with self.database.transaction(writing=True) as connection:
            before = _get(connection, id, locked=True)
            if sorted(label_ids) != sorted(each.id for each in before.labels):
                raise InvalidProject("The order must name each label of the project once.")
            for position, label_id in enumerate(label_ids):
                of = label.id == label_id
                connection.execute(project_labels.update().where(of).values(position=position))
            return self._with_question(connection, before)

    def lock(self, connection: Connection, id: str) -> None:
        """Let uploads and other changes of the project wait until the transaction ends."""
        _get(connection, id, locked=True)

    def remove_label(self, connection: Connection, id: str, label_id: str) -> Project:
        """Delete the label's row, inside a transaction that has taken it off the pictures.

        See label_removal.py.
        """
        before = _get(connection, id, locked=True)
        before.label(label_id)
        connection.execute(project_labels.delete().where(label.id == label_id))
        return self._with_question(connection, before)

    def set_kind(self, id: str, kind: Kind) -> Project:
        """Let the project label boxes or whole pictures. Raises InvalidProject, NoSuchProject.

        Only while nothing is labelled: annotations of one kind mean nothing to the other.
        """
        pictures = project_pictures.c
        labelled = select(pictures.id).where(pictures.project_id == id, pictures.revision > 0)
        with self.database.transaction(writing=True) as connection:
            if connection.scalar(labelled.limit(1)) is not None:
                raise InvalidProject("Pictures of this project are labelled already.")
            return _change(connection, id, kind=kind)

    def set_arn(self, id: str, arn: str | None) -> Project:
        """Store the address of the project at Amazon Rekognition."""
        with self.database.transaction(writing=True) as connection:
            return _change(connection, id, arn=arn)

    def mark_deleting(self, id: str) -> None:
        """Hide a project, free its name, and let its models be stopped. Raises NoSuchProject.

        See project_deletion.py.
        """
        stopped = {"should_run": False, "may_start_itself": False, "lease_until": None}
        with self.database.transaction(writing=True) as connection:
            _change(connection, id, status=DELETING, name=f"deleted {id}")
            of = model_versions.c.project_id == id
            connection.execute(model_versions.update().where(of).values(**stopped))

    def deleting(self) -> list[str]:
        """Return the ids of projects whose deletion has not ended."""
        with self.database.transaction() as connection:
            return [*connection.scalars(select(project.id).where(project.status == DELETING))]

    def _require_free_name(
        self, connection: Connection, name: str, besides: str | None = None
    ) -> None:
        query = select(project.id).where(project.name == name, project.id != (besides or ""))
        if connection.scalar(query) is not None:
            raise _name_taken(name)

    def _default_question(self, names: Sequence[str]) -> str:
        return default_question(names, self.text)

    def _with_question(self, connection: Connection, before: Project) -> Project:
        """Return the changed project; a question that was made from its labels is made again."""
        after = _get(connection, before.id)
        if before.question != self._default_question([each.name for each in before.labels]):
            return after
        question = self._default_question([each.name for each in after.labels])
        return _change(connection, before.id, question=question)


def clean_name(name: str) -> str:
    """Return the name without blanks around it. Raises InvalidProject."""
    return _clean(name, MAX_NAME, NAME_MESSAGE)


def clean_question(question: str) -> str:
    return _clean(question, MAX_QUESTION, QUESTION_MESSAGE)


def clean_labels(names: Iterable[str]) -> list[str]:
    """Return the labels in their order, each once, without empty ones. Raises InvalidProject."""
    given = [name for name in names if name.strip()]
    cleaned = list(dict.fromkeys(_clean(name, MAX_LABEL_LENGTH, LABEL_MESSAGE) for name in given))
    if len(cleaned) > MAX_LABELS:
        raise InvalidProject("A project has at most {most} labels.", most=MAX_LABELS)
    return cleaned


def new_labels(project: Project, names: Iterable[str]) -> list[str]:
    """Return the labels that the project does not have yet. Raises InvalidProject."""
    known = {each.name for each in project.labels}
    new = [name for name in clean_labels(names) if name not in known]
    if len(known) + len(new) > MAX_LABELS:
        raise InvalidProject("A project has at most {most} labels.", most=MAX_LABELS)
    return new


def clean_keep_days(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= MAX_KEEP_DAYS:
        raise InvalidProject(
            "Pictures can be kept for 1 to {most} days, or without an end.", most=MAX_KEEP_DAYS
        )
    return days


def _clean(text: str, most: int, message: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= most or not text.isprintable():
        raise InvalidProject(message, most=most)
    return text


def _name_taken(name: object) -> NameTaken:
    return NameTaken("There is a project “{name}” already.", name=name)


def _label_row(project_id: str, name: str, position: int) -> dict[str, object]:
    id = random_id(ID_BYTES)
    return {"id": id, "project_id": project_id, "name": name, "position": position}


def _labels(project_id: str | None) -> Any:
    query = project_labels.select().order_by(label.position, label.name)
    return query if project_id is None else query.where(label.project_id == project_id)


def _get(connection: Connection, id: str, *, locked: bool = False) -> Project:
    if not is_storable(id):
        raise NoSuchProject
    query = projects.select().where(project.id == id, project.status == READY)
    row = connection.execute(query.with_for_update() if locked else query).mappings().first()
    if row is None:
        raise NoSuchProject
    return _project(row, tuple(map(_label, connection.execute(_labels(id)).mappings())))


def _change(connection: Connection, id: str, **values: object) -> Project:
    before = _get(connection, id, locked=True)
    try:
        connection.execute(projects.update().where(project.id == id).values(**values))
    except IntegrityError:  # of another process that took the name at the same moment
        raise _name_taken(values["name"]) from None
    return _get(connection, id) if values.get("status") != DELETING else before


def _label(row: Mapping[Any, Any]) -> ProjectLabel:
    return ProjectLabel(row["id"], row["name"], row["position"])


def _project(row: Mapping[Any, Any], labels: Sequence[ProjectLabel]) -> Project:
    fields = {name: row[name] for name in Project.__dataclass_fields__ if name in row}
    created_at = row["created_at"].replace(tzinfo=UTC)
    return Project(**fields | {"labels": tuple(labels), "created_at": created_at})
