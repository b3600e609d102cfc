"""What the database counts of a project's pictures, on SQLite and on PostgreSQL."""

import itertools
import random
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, func, select

from bench.harness.dataset import fill_project, picture_id
from rubberduck.core.settings import Settings
from rubberduck.custom_models.label_removal import remove_label
from rubberduck.custom_models.picture_deletion import (
    delete_hidden,
    hide_in_batches,
    hide_pictures,
)
from rubberduck.custom_models.project_counts import Counts, counts_of
from rubberduck.custom_models.project_pictures import ProjectPictures, Quota, Upload
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.tables import project_counts, project_pictures
from rubberduck.db.engine import Database
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.folder import FolderStorage
from tests.support.labelling import noise
from tests.support.operators import sign_in

row = project_pictures.c
LABELS = ("mug", "plate", "spoon")
ACTS = 120


def project_of(database: Database, pictures: int, name: str = "mugs") -> Project:
    project = Projects(database).create(name, "boxes", LABELS, "somebody")
    fill_project(database, project, pictures)
    return project


def counted(database: Database, project: Project) -> Counts:
    """Return the counts, counted anew from the rows."""
    with database.transaction() as connection:
        query = project_pictures.select().where(row.project_id == project.id)
        rows = connection.execute(query).all()
    ready = [each for each in rows if each.status == "ready"]
    shown = [
        {box["label"] for box in each.boxes} | set(each.labels) for each in ready if each.revision
    ]
    by_label = Counter(label for labels in shown for label in labels)
    size = sum(each.bytes for each in rows)
    nothing = sum(not labels for labels in shown)
    return Counts(len(rows), size, len(ready), len(shown), nothing, dict(by_label))


def change_something(connection: Connection, project: Project, chance: random.Random) -> None:
    """Do to some pictures what the site does to them: label, finish, hide, delete."""
    ids = connection.scalars(select(row.id).where(row.project_id == project.id)).all()
    some = row.id.in_(chance.sample(list(ids), min(len(ids), chance.choice((1, 1, 7)))))
    labels = [label.id for label in project.labels]
    boxes = [
        {"label": chance.choice(labels), "left": 1, "top": 1}
        for _ in range(chance.choice((0, 1, 3)))
    ]
    values: dict[str, Any] = chance.choice(
        [
            {"boxes": boxes, "labels": [], "revision": row.revision + 1},
            {"boxes": [], "labels": chance.sample(labels, 2), "revision": row.revision + 1},
            {"boxes": [], "labels": [], "revision": 1},
            {"labels": chance.sample(labels, 1), "revision": 0},  # a hint of a labeller
            {"status": chance.choice(("ready", "pending"))},
            {"bytes": chance.randrange(1, 10**6)},
            {"split": "test"},
        ]
    )
    act = chance.randrange(12)
    if act == 0:
        hide_pictures(connection, some)
    elif act == 1:
        connection.execute(project_pictures.delete().where(some))
    else:
        connection.execute(project_pictures.update().where(some).values(values))


def test_counts_follow_everything_that_happens_to_pictures(any_results: Results) -> None:
    database, chance = any_results.database, random.Random(7)
    mugs, others = project_of(database, 60), project_of(database, 5, "others")
    for _ in range(ACTS):
        with database.transaction(writing=True) as connection:
            change_something(connection, mugs, chance)
        assert counts_of(database, [mugs.id]) == {mugs.id: counted(database, mugs)}
    assert counts_of(database, [mugs.id, others.id])[others.id] == counted(database, others)


def test_nothing_stays_of_a_project_whose_pictures_are_deleted(
    any_results: Results, settings: Settings
) -> None:
    database = any_results.database
    mugs = project_of(database, 1200)  # more than are deleted at once
    hide_in_batches(database, row.project_id == mugs.id)
    assert counts_of(database, [mugs.id])[mugs.id] == Counts(1200, 120_000_000)
    delete_hidden(database, FolderStorage(settings.uploads))
    with database.transaction() as connection:
        assert connection.scalar(select(func.count()).select_from(project_counts)) == 0
    assert counts_of(database, [mugs.id])[mugs.id] == Counts()


def test_an_undone_change_is_not_counted(any_results: Results) -> None:
    database = any_results.database
    mugs = project_of(database, 10)
    before = counts_of(database, [mugs.id])

    def hide_and_fail() -> None:
        with database.transaction(writing=True) as connection:
            hide_pictures(connection, row.project_id == mugs.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        hide_and_fail()
    assert counts_of(database, [mugs.id]) == before


def test_labellers_at_the_same_moment_are_all_counted(any_results: Results) -> None:
    """Each changes labels in an order of its own, and none waits for ever."""
    database = any_results.database
    mugs = project_of(database, 40)
    labels = [label.id for label in mugs.labels]

    def label_many(labeller: int) -> None:
        chance = random.Random(labeller)
        for _ in range(25):
            boxes = [{"label": label, "left": 1, "top": 1} for label in chance.sample(labels, 2)]
            one = row.id == picture_id(mugs.id, chance.randrange(40))
            with database.transaction(writing=True) as connection:
                change = project_pictures.update().where(one)
                connection.execute(change.values(boxes=boxes, revision=row.revision + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(label_many, range(4)))
    assert counts_of(database, [mugs.id])[mugs.id] == counted(database, mugs)


def test_a_label_is_deleted_while_pictures_come_in_and_are_labelled(
    any_results: Results, settings: Settings
) -> None:
    """In PostgreSQL, these waited for each other's rows of counts, and one of them failed."""
    database, storage = any_results.database, FolderStorage(settings.uploads)
    mugs = project_of(database, 900)
    mug, plate, spoon = (label.id for label in mugs.labels)
    store = ProjectPictures(database, storage, 10**7, Quota(10_000, 10**10))
    is_over = Event()

    def add() -> None:
        for number in itertools.count():
            store.add(mugs, Upload(noise(number), f"{number}.jpg", near_is_fine=True))
            if is_over.is_set():
                return

    def label(labeller: int) -> None:
        chance = random.Random(labeller)
        while not is_over.is_set():
            shown = chance.sample([plate, spoon], chance.choice((1, 2)))
            boxes = [{"label": label, "left": 1, "top": 1} for label in shown]
            one = row.id == picture_id(mugs.id, chance.randrange(900))
            with database.transaction(writing=True) as connection:
                change = project_pictures.update().where(one)
                connection.execute(change.values(boxes=boxes, revision=row.revision + 1))

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(add), pool.submit(label, 1), pool.submit(label, 2)]
        try:
            for gone, into in ((mug, plate), (plate, None)):
                remove_label(Projects(database), mugs.id, gone, into=into, confirmed=True)
        finally:
            is_over.set()
    for other in others:
        other.result()
    counts = counts_of(database, [mugs.id])[mugs.id]
    assert counts == counted(database, mugs)
    assert mug not in counts.by_label


ROW = 60  # steps of one more row, that of the project which is being deleted
ADDRESSES = (
    "/projects/{id}",
    "/projects/{id}/label",
    "/projects/{id}/settings",
    "/projects/",
    "/api/v1/projects",
    "/api/v1/projects/{id}",
    "/api/v1/projects/{id}/pictures",
)


def test_first_pages_read_no_more_of_a_large_project(
    app: Flask, client: FlaskClient, pipeline: Pipeline
) -> None:
    """In steps of SQLite's machine; like a site's, the database was never analysed."""
    sign_in(client)
    database, taken = pipeline.results.database, 0

    def step() -> None:
        nonlocal taken
        taken += 1

    def watch(connection: sqlite3.Connection, *_: Any) -> None:
        connection.set_progress_handler(step, 1)

    event.listen(database.engine, "checkout", watch)
    steps: dict[str, list[int]] = {address: [] for address in ADDRESSES}
    for pictures in (100, 5000):
        project = project_of(database, pictures, f"{pictures} mugs")
        for address, found in steps.items():
            for _ in range(2):  # the first one leases a picture
                before = taken
                assert client.get(address.format(id=project.id)).status_code == 200
            found.append(taken - before)
        Projects(database).mark_deleting(project.id)
    assert all(few for few, _ in steps.values())
    more = {address: each for address, each in steps.items() if each[1] > 1.2 * each[0] + ROW}
    assert more == {}
