"""Who gets which picture, what is saved and what is refused, on SQLite and on PostgreSQL."""

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rubberduck.accounts.operators import Operators, Role
from rubberduck.core.settings import Settings
from rubberduck.custom_models.annotations import Annotation
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import PredictedBox
from rubberduck.custom_models.errors import InvalidAnnotation, PictureChanged
from rubberduck.custom_models.label_removal import remove_label
from rubberduck.custom_models.labelling import Labelling, Lease, Task
from rubberduck.custom_models.projects import Project, Projects
from rubberduck.custom_models.suggestions import boxes_to_confirm
from rubberduck.custom_models.tables import project_pictures
from rubberduck.custom_models.versions import Versions
from rubberduck.db.results import Results
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.folder import FolderStorage
from tests.support.labelling import add_model, add_project, noise
from tests.support.operators import sign_in
from tests.support.visitor import visible_text

PAST = datetime(2026, 1, 1)


class Never(random.Random):
    """Gives no truth picture."""

    def randrange(self, *_: Any) -> int:
        return 1


class Always(random.Random):
    def randrange(self, *_: Any) -> int:
        return 0


NEVER = Never()


@pytest.fixture
def work(any_results: Results, settings: Settings) -> Callable[..., Labelling]:
    """Make the labelling of one project of four pictures by a person, who is added."""
    database = any_results.database
    storage = FolderStorage(settings.uploads)
    project, _ = add_project(database, storage, "mugs", map(noise, range(4)))

    def labelling(name: str, randomness: random.Random = NEVER) -> Labelling:
        role: Role = "operator" if name == "Ada" else "labeller"
        person = Operators(database).find_or_create(name, role)
        return Labelling(database, project, person.id, person.is_operator, randomness)

    return labelling


def box(project: Project, left: float = 10, label: int = 0, size: float = 100) -> Box:
    return Box(project.labels[label].id, left, 20, size, size)


def change(work: Labelling, id: str, **values: Any) -> None:
    with work.database.transaction(writing=True) as connection:
        where = project_pictures.c.id == id
        connection.execute(project_pictures.update().where(where).values(values))


def trusted(ada: Labelling, mug: Box) -> str:
    """Label the next picture with a box, and let it rate labellers; return its id."""
    task = ada.next()
    assert task
    ada.save(task.picture_id, 0, Annotation((mug,)))
    ada.mark_truth(task.picture_id, True)
    return task.picture_id


def test_nobody_gets_what_another_has_and_nothing_saved_is_lost(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo")
    with ThreadPoolExecutor(4) as threads:
        people = [work(name) for name in ("Cy", "Di", "Ed", "Flo")]
        given = [task.picture_id for task in threads.map(Labelling.next, people) if task]
    assert len(set(given)) == 4
    assert ada.next() is None
    for person, id in zip(people, given, strict=True):
        task = person.next()
        assert task
        assert task.picture_id == id  # a reload shows the same again
    assert people[0].next([given[0]]) is None  # given back, and nothing else is free
    again = ada.next()
    assert again
    assert again.picture_id == given[0]
    for id in given:
        change(ada, id, leased_by=None, leased_until=None)
    first, second, third, _ = order = sorted(given, key=given.index)
    change(ada, second, uncertainty=0.2)
    change(ada, third, uncertainty=0.9)
    got = [ada.next(), bo.next()]
    assert [task and task.picture_id for task in got] == [third, second]

    # Ada's lease ends while she draws; Bo gets her picture, and both save.
    change(ada, third, leased_until=PAST)
    taken = bo.next([second])
    assert taken
    assert taken.picture_id == third
    lost = ada.renew(third)
    assert (lost.is_held, lost.holder, lost.revision) == (False, "Bo", 0)
    assert bo.save(third, 0, Annotation((box(ada.project),))) == 1
    with pytest.raises(PictureChanged):
        ada.save(third, 0, Annotation((box(ada.project, left=50),)))
    seen = ada.get(third)
    assert (seen.revision, seen.labelled_by, seen.annotation.boxes[0].left) == (1, "Bo", 10)
    assert ada.save(third, 1, Annotation((box(ada.project, left=50),))) == 2
    history = ada.history(third)
    assert [(each.labelled_by, each.annotation.boxes[0].left) for each in history] == [
        ("Ada", 50),
        ("Bo", 10),
    ]
    assert (ada.progress().pictures, ada.progress().labelled) == (4, 1)
    assert third not in {task.picture_id for task in [ada.next(), ada.next([first])] if task}
    assert len(order) == 4


def test_hidden_truth_pictures_rate_labellers(work: Callable[..., Labelling]) -> None:
    ada, bo = work("Ada"), work("Bo", Always())
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    task = ada.next()
    assert task
    id = task.picture_id
    with pytest.raises(InvalidAnnotation, match="Label this picture first"):
        ada.mark_truth(id, True)
    ada.save(id, 0, Annotation((mug, plate)))
    ada.mark_truth(id, True)
    given = bo.next()
    assert given
    # To Bo it is an unlabelled picture like any other.
    assert (given.picture_id, given.revision, given.annotation) == (id, 0, Annotation())
    assert (given.labelled_by, given.is_truth, bo.history(id)) == (None, False, ())
    assert bo.save(id, 0, Annotation((mug,))) == 1
    assert [each.annotation.boxes for each in bo.history(id)] == [(mug,)]
    other = bo.next()  # the same one never again
    assert other
    assert other.picture_id != id
    truth = ada.get(id)
    assert (truth.annotation.boxes, truth.is_truth, truth.revision) == ((mug, plate), True, 1)
    figures = {each.name: each for each in ada.labellers()}
    assert figures["Bo"].agreement == pytest.approx(2 / 3)
    assert (figures["Bo"].truth_pictures, figures["Ada"].agreement) == (1, None)
    # An operator who had it open meanwhile corrects the truth itself.
    assert ada.save(id, 1, Annotation((mug,))) == 3
    assert work("Cy", Always()).save(id, 0, Annotation((mug,))) == 1
    assert {each.name: each.agreement for each in ada.labellers()}["Cy"] == 1
    # Whatever revision a labeller sends, he is rated and the truth stays.
    assert work("Di").save(id, ada.get(id).revision, Annotation((plate,))) == 1
    assert ada.get(id).annotation.boxes == (mug,)
    assert {each.name: each.agreement for each in ada.labellers()}["Di"] == 0


def test_a_truth_picture_that_was_skipped_is_not_given_again(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo", Always())
    truths = [trusted(ada, box(ada.project)) for _ in range(2)]
    skipped: list[str] = []
    while task := bo.next(skipped):
        assert task.picture_id not in skipped
        skipped.append(task.picture_id)
    assert sorted(skipped[:2]) == sorted(truths)
    assert len(skipped) == 4


def test_an_answered_truth_picture_seems_like_any_other_to_who_answered_it(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo", Always())
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    truth = trusted(ada, mug)
    seen = []
    for picture in (truth, None):
        task = bo.open(picture) if picture else work("Bo").next()
        assert task
        before, id = bo.progress().labelled, task.picture_id
        told = bo.save(id, task.revision, Annotation((plate,)))
        first = bo.get(id)
        again = bo.save(id, first.revision, Annotation((mug, plate)))
        entries = [(each.revision, each.labelled_by) for each in bo.history(id)]
        raised = bo.progress().labelled - before
        last = bo.open(id)  # which leaves the picture to him
        following = work("Bo").next()
        assert following
        assert following.picture_id != id
        assert last.labelled_at
        shown = first.revision, last.revision, last.labelled_by, last.annotation.boxes
        seen.append((task.revision, told, again, entries, raised, shown))
    assert seen[0] == seen[1]
    assert seen[0][4] == 1
    assert (ada.progress().labelled, bo.progress().labelled) == (2, 2)
    assert ada.get(truth).annotation.boxes == (mug,)


def test_the_first_answer_to_a_truth_picture_is_the_one_that_rates(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo", Always())
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    ids = []
    for _ in range(2):
        task = ada.next()
        assert task
        ada.save(task.picture_id, 0, Annotation((mug,)))
        ada.mark_truth(task.picture_id, True)
        ids.append(task.picture_id)
    bo.save(ids[0], 0, Annotation((plate,)))
    for _ in range(3):  # somebody told him
        bo.save(ids[0], 1, Annotation((mug,)))
    bo.save(ids[1], 0, Annotation((mug,)))
    work("Cy").save(ids[0], 0, Annotation((mug,)))
    figures = {each.name: each for each in ada.labellers()}
    assert (figures["Bo"].truth_pictures, figures["Bo"].agreement) == (2, 0.5)
    assert (figures["Bo"].pictures, figures["Ada"].truth_pictures) == (2, 0)
    assert (figures["Cy"].truth_pictures, figures["Cy"].agreement) == (1, 1)


def test_a_hint_neither_gives_a_truth_picture_away_nor_ends_another_persons_turn(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo")
    task = ada.next()
    assert task
    truth = task.picture_id
    ada.save(truth, 0, Annotation((box(ada.project),)))
    ada.mark_truth(truth, True)
    mug = ada.project.labels[0].id
    bo.hint(truth, [mug])  # as of any unlabelled picture
    assert ada.get(truth).annotation == Annotation((box(ada.project),))
    with pytest.raises(PictureChanged):
        ada.hint(truth, [mug])
    mine = ada.next()
    assert mine
    bo.hint(mine.picture_id, [mug])
    others = {each.picture_id for each in [bo.next(), bo.next()] if each}
    assert mine.picture_id not in others


def test_operators_are_not_rated_by_the_truth_that_they_see(
    work: Callable[..., Labelling],
) -> None:
    ada = work("Ada", Always())
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    id = trusted(ada, mug)
    assert ada.open(id).lease.is_held  # as the page does after the button
    eve = Operators(ada.database).find_or_create("Eve", "operator")
    for person in (ada, replace(ada, labeller_id=eve.id)):
        other = person.next()
        assert other
        assert other.picture_id != id
        assert person.renew(other.picture_id).revision == other.revision
    # An operator who had it open since before it was labelled learns what somebody saved.
    with pytest.raises(PictureChanged):
        replace(ada, labeller_id=eve.id).save(id, 0, Annotation((plate,)))
    assert ada.save(id, ada.open(id).revision, Annotation((plate,))) == 2
    assert ada.get(id).annotation.boxes == (plate,)


def test_a_truth_picture_that_loses_its_only_label_is_labelled_anew(
    work: Callable[..., Labelling],
) -> None:
    ada = work("Ada")
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    task = ada.next()
    assert task
    ada.save(task.picture_id, 0, Annotation((mug,)))
    ada.mark_truth(task.picture_id, True)
    projects = Projects(ada.database)
    remove_label(projects, ada.project.id, mug.label, into=None, confirmed=True)
    bo = replace(work("Bo"), project=projects.get(ada.project.id))
    again = bo.open(task.picture_id)
    assert (again.revision, again.annotation) == (0, Annotation())
    assert bo.save(task.picture_id, 0, Annotation((plate,))) == 1
    seen = ada.get(task.picture_id)
    assert (seen.annotation.boxes, seen.labelled_by, seen.is_truth) == ((plate,), "Bo", False)
    assert {each.name: each.truth_pictures for each in ada.labellers()} == {"Bo": 0}


def test_a_merged_label_changes_the_revision_of_its_pictures_alone(
    work: Callable[..., Labelling],
) -> None:
    """A version that was tested with the labels of before is not compared on these pictures."""
    ada = work("Ada")
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    ids = []
    for drawn in (mug, plate):
        task = ada.next()
        assert task
        ids.append(task.picture_id)
        ada.save(task.picture_id, 0, Annotation((drawn,)))
    projects = Projects(ada.database)
    remove_label(projects, ada.project.id, mug.label, into=plate.label, confirmed=True)
    ada = replace(ada, project=projects.get(ada.project.id))
    assert [ada.get(id).revision for id in ids] == [2, 1]
    assert ada.get(ids[0]).annotation.boxes == (replace(mug, label=plate.label),)
    with pytest.raises(PictureChanged):  # a page that was open shows the label of before
        ada.save(ids[0], 1, Annotation((plate,)))
    assert ada.save(ids[0], 2, Annotation((plate,))) == 3


def test_a_picture_that_is_no_truth_any_more_is_not_overwritten_unseen(
    work: Callable[..., Labelling],
) -> None:
    ada, bo = work("Ada"), work("Bo", Always())
    mug, plate = box(ada.project), box(ada.project, left=300, label=1)
    id = trusted(ada, mug)
    told = bo.save(id, 0, Annotation((plate,)))  # a rating; his page stays open
    ada.mark_truth(id, False)
    with pytest.raises(PictureChanged):
        bo.save(id, told, Annotation((plate,)))
    assert ada.get(id).annotation.boxes == (mug,)
    assert bo.save(id, ada.get(id).revision, Annotation((plate,))) > told


def json(answer: TestResponse) -> Any:
    return answer.json


def test_the_newest_model_suggests_what_is_above_its_thresholds(
    client: FlaskClient, pipeline: Pipeline, settings: Settings
) -> None:
    database, storage = pipeline.results.database, FolderStorage(settings.uploads)
    project, [id] = add_project(database, storage, "pets", [noise(1)], "pictures", ["cat", "dog"])
    address = f"/api/v1/projects/{project.id}/pictures/{id}/suggestions"
    sign_in(client, "Ada")
    assert client.get(address).json == {"version": None, "boxes": [], "labels": []}
    assert "data-suggests" not in client.get(f"/projects/{project.id}/label").text
    add_model(database, storage, project)
    assert client.get(address).json == {
        "version": 1,
        "boxes": [],
        "labels": [project.labels[0].id],
    }
    assert "data-suggests" in client.get(f"/projects/{project.id}/label").text
    assert client.get(f"/api/v1/projects/{project.id}/pictures/{id}/labels").json
    storage.delete(f"projects/{project.id}/models/{Versions(database).get(project.id, 1).id}.onnx")
    client.application.extensions.pop("suggestions")
    assert json(client.get(address))["version"] is None


def test_suggested_boxes_are_whole_pixels_that_can_be_saved() -> None:
    lease = Lease(True, None, 0)
    task = Task("id", "a.jpg", 4000, 2000, "key", Annotation(), None, None, False, lease)
    predicted = [
        PredictedBox("mug", 0.9, 0.1, 0.2, 0.3, 0.4),
        PredictedBox("mug", 0.8, 0.9, 0.9, 0.2, 0.2),  # cut off at the edge
        PredictedBox("mug", 0.8, 0.5, 0.5, 0.0005, 0.5),  # too small
        PredictedBox("plate", 0.6, 0.1, 0.1, 0.5, 0.5),  # below its threshold
        PredictedBox("gone", 0.9, 0.1, 0.1, 0.5, 0.5),  # no label of the project any more
    ]
    ids, thresholds = {"mug": "m", "plate": "p"}, {"mug": 0.5, "plate": 0.7, "gone": 0.5}
    assert boxes_to_confirm(predicted, thresholds, ids, task) == [
        (Box("m", 400, 400, 1200, 800), 0.9),
        (Box("m", 3600, 1800, 400, 200), 0.8),
    ]


def test_the_page_shows_the_picture_at_the_apis_address(
    client: FlaskClient, pipeline: Pipeline
) -> None:
    database = pipeline.results.database
    project, (id,) = add_project(database, pipeline.storage, "mugs", [noise(1)])
    address = f"/projects/{project.id}/label"
    sign_in(client, "Bo", "labeller")
    (shown,) = re.findall(r'<img src="([^"]+/preview)"', client.get(address).text)
    assert client.get(shown).mimetype == "image/jpeg"
    assert client.get(f"{address}/{id}.jpg").location == shown  # as the API said before


def test_the_page_without_javascript_and_the_api(
    client: FlaskClient, pipeline: Pipeline, settings: Settings
) -> None:
    database, storage = pipeline.results.database, FolderStorage(settings.uploads)
    project, ids = add_project(database, storage, "pets", map(noise, range(2)), "pictures")
    address = f"/projects/{project.id}/label"
    api = f"/api/v1/projects/{project.id}"
    assert client.post(f"{api}/labelling/next").status_code == 401
    sign_in(client, "Bo", "labeller")
    page = client.get(address)
    assert "this form works without it" in visible_text(page.text)
    assert "require-trusted-types-for 'script'" in page.headers["Content-Security-Policy"]
    chosen = {"revision": "0", "label": [project.labels[1].id]}
    saved = client.post(f"{address}/{ids[0]}", data=chosen)
    assert (saved.status_code, saved.location) == (303, address)
    assert client.post(f"{address}/{ids[0]}", data=chosen).status_code == 409
    labels = f"{api}/pictures/{ids[0]}/labels"
    assert json(client.get(labels))["labels"] == [project.labels[1].id]
    assert json(client.get(f"{labels}/history"))["entries"][0]["labelled_by"] == "Bo"
    # 0.0 is an integer of JSON Schema
    conflict = client.put(labels, json={"revision": 0.0, "boxes": [], "labels": []})
    assert client.put(labels, json={"revision": 0.5, "boxes": [], "labels": []}).status_code == 400
    assert (conflict.status_code, json(conflict)["current"]["revision"]) == (409, 1)
    assert conflict.mimetype == "application/problem+json"
    assert client.put(f"{api}/pictures/{ids[0]}/truth").status_code == 403
    assert client.get(f"{api}/labellers").status_code == 403
    sign_in(client, "Ada")
    assert client.put(f"{api}/pictures/{ids[0]}/truth").status_code == 204
    assert json(client.get(f"{api}/labellers"))["labellers"][0]["name"] == "Bo"
    assert "not rated yet" in client.get(f"/projects/{project.id}/labellers").text
    assert json(client.get(f"{api}/pictures?state=labelled"))["pictures"][0]["revision"] == 1

    sign_in(client, "Bo", "labeller")  # no list tells him which picture rates him
    seen = json(client.get(f"{api}/pictures?state=unlabelled"))["pictures"]
    assert {each["id"]: (each["labels"], each["revision"]) for each in seen} == {
        id: ([], 0) for id in ids
    }
    assert json(client.get(f"{api}/pictures?state=labelled"))["pictures"] == []
    assert json(client.get(f"{api}/pictures/{ids[0]}"))["labels"] == []
    assert client.get(f"/projects/{project.id}").text.count("not labelled") == len(ids)
    long = client.post(f"{address}/{ids[1]}", data=chosen | {"revision": "9" * 5000})
    assert long.status_code == 400
    assert client.get(f"{address}?skip=%00").status_code == 200
    sign_in(client, "Ada")

    boxes, [other] = add_project(database, storage, "cups", [noise(9, (4000, 3000))])
    form = f"/projects/{boxes.id}/label/{other}"
    done = client.post(form, data={"revision": "0", "label": [boxes.labels[0].id]})
    assert done.status_code == 303
    task = json(client.post(f"/api/v1/projects/{boxes.id}/labelling/next"))["task"]
    assert (task["labels"], task["revision"]) == ([boxes.labels[0].id], 0)  # boxes are missing
    place = {"label": boxes.labels[0].id, "left": 0, "top": 0, "width": 9, "height": 9}
    refused = [
        ([{**place, "left": 3995}], "reaches out of the picture, which has 4000 x 3000 pixels"),
        ([{**place, "width": 3}], "Box 1 is too small"),
        ([place] * 51, "There are 51 boxes, and a picture takes at most 50"),
        ([place, {**place, "label": "gone"}], "does not have the label of box 2 any more"),
    ]
    for sent, sentence in refused:
        body = {"revision": 0, "labels": [], "boxes": [{**each, "crowd": False} for each in sent]}
        answer = client.put(f"/api/v1/projects/{boxes.id}/pictures/{other}/labels", json=body)
        assert answer.status_code == 422
        assert sentence in json(answer)["detail"]
