"""A program of an operator does all that the pages of projects do."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from rubberduck.accounts.tokens import Scope, Tokens
from rubberduck.jobs.models import Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.project_jobs import export_to_storage
from tests.support.job_steps import JobSteps
from tests.support.operators import sign_in
from tests.support.pictures import encoded, form
from tests.support.scenes import scene
from tests.support.visitor import bearer

Ask = Any
SIDES = ("train", "validation", "test")
SCOPES: tuple[Scope, ...] = ("operator", "labeller", "visitor")


@pytest.fixture
def secrets(app: Flask, pipeline: Pipeline) -> dict[Scope, str]:
    """Keys of one operator, by scope."""
    person, tokens = sign_in(app.test_client()), Tokens(pipeline.results.database)
    return {scope: tokens.create(person.id, scope, timedelta(days=1), scope)[0] for scope in SCOPES}


@pytest.fixture
def ask(app: Flask, secrets: dict[Scope, str]) -> Ask:
    """Send a request with a token of an operator; return status and JSON."""
    client = app.test_client()

    def send(method: str, path: str, scope: Scope = "operator", **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {secrets[scope]}"}
        answer = client.open(f"/api/v1{path}", method=method, headers=headers, **options)
        return answer.status_code, answer.json

    return send


def add(ask: Ask, path: str, data: bytes, query: str = "") -> Any:
    options: Any = {"data": data, "content_type": "image/jpeg"}
    if query.startswith("form"):
        options = form(data, "a.jpg")
        query = query.removeprefix("form")
    status, body = ask("POST", f"{path}/pictures?{query}", **options)
    return status, body.get("outcome", body.get("type", "").rpartition("#")[2]), body


def test_the_whole_story(ask: Ask, client: FlaskClient) -> None:
    new = {"name": "Shapes", "kind": "pictures", "labels": ["disc"], "question": ""}
    status, project = ask("POST", "/projects", json=new)
    assert (status, project["question"]) == (201, "Is there a disc in this image?")
    path = project["links"]["self"].removeprefix("/api/v1")
    assert ask("POST", "/projects", json=new)[0] == 409
    assert ask("POST", "/projects", json=new | {"kind": "sounds"})[0] == 400
    assert ask("GET", "/projects", "labeller")[1]["projects"][0]["id"] == project["id"]
    assert ask("GET", path, "labeller")[1] == project
    refused = [ask("PUT", path, scope, json={})[0] for scope in SCOPES[1:]]
    anonymous = client.get(f"/api/v1{path}")
    assert (refused, anonymous.status_code) == ([403, 401], 401)
    # Who may not is told so before the body is looked at.
    assert client.put(f"/api/v1{path}/pictures/any/labels", data=b"{").status_code == 401
    # A token for less ends none of its owner's others.
    assert ask("DELETE", "/results?confirm=everything", "labeller") == (200, {"deleted": 0})
    assert anonymous.headers["WWW-Authenticate"] == "Bearer"

    photo = encoded(scene(1))
    assert add(ask, path, photo, "form&label=disc")[:2] == (201, "added")
    entry = ask("GET", "/audit?limit=1")[1]["entries"][0]
    assert (entry["act"], entry["object"]) == ("project.upload", "Shapes")
    assert add(ask, path, photo)[:2] == (200, "duplicate")
    near = encoded(scene(1).resize((300, 225)))
    assert add(ask, path, near)[:2] == (200, "near")
    assert add(ask, path, near, "near=true")[:2] == (201, "added")
    small = encoded(scene(2).resize((60, 300)))
    assert add(ask, path, small)[:2] == (422, "unsuitable-picture")
    assert add(ask, path, b"quack")[:2] == (415, "not-a-picture")
    for seed in range(3, 9):
        added = add(ask, path, encoded(scene(seed)), f"label={'square' if seed % 2 else 'disc'}")
        assert added[2]["picture"]["labels"]
    page = ask("GET", f"{path}/pictures?limit=5&state=labelled")[1]
    rest = ask("GET", page["links"]["next"].removeprefix("/api/v1"))[1]
    assert (len(page["pictures"]), len(rest["pictures"])) == (5, 2)
    picture = f"{path}/pictures/{page['pictures'][0]['id']}"
    assert ask("GET", picture)[1] == page["pictures"][0]
    assert ask("GET", f"{path}/pictures?state=lost")[0] == 400
    assert ask("GET", f"{path}/pictures?cursor=zzz")[0] == 400  # it was "Page not found"

    check_data(ask, path, picture)
    check_labels(ask, path)
    check_jobs(ask, path)
    goes = {"pictures": 8, "annotations": 7, "versions": 0, "is_at_amazon": False}
    assert ask("GET", f"{path}/deletion") == (200, goes)
    assert ask("GET", f"{path}/deletion", "labeller")[0] == 403
    assert ask("DELETE", picture)[0] == 204
    assert ask("GET", picture)[0] == 404
    assert ask("DELETE", path)[0] == 202
    assert ask("GET", path)[0] == 404


def test_a_picture_over_15_mb_is_shrunk_if_that_is_asked_for(ask: Ask) -> None:
    """The site's own limit is 15 MB as well, and refused it before it could be shrunk."""
    new = {"name": "Mugs", "kind": "boxes", "labels": ["mug"], "question": ""}
    path = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    noise = np.random.default_rng(1).integers(0, 255, (2000, 2600, 3), np.uint8)
    large = encoded(Image.fromarray(noise), "PNG", compress_level=1)
    assert 15_000_000 < len(large) < 30_000_000
    status, _, problem = add(ask, path, large)
    assert status == 413
    assert problem["detail"] == (
        "It is larger than the limit of 15 MB. One that this site may shrink can have 30 MB. "
        "Save it as a JPEG of lower quality and add it again. Nothing was stored."
    )
    status, outcome, body = add(ask, path, large, "formshrink=true")
    assert (status, outcome) == (201, "added")
    assert body["picture"]["bytes"] <= 15_000_000
    assert body["changes"] == ["PNG was saved as JPEG"]
    for query in ("shrink=true", "formshrink=true"):
        status, slug, problem = add(ask, path, bytes(30_100_000), query)
        assert (status, slug) == (413, "picture-too-large")
        assert problem["detail"].startswith("It is larger than the limit of 30 MB. Save it as")


def test_a_picture_whose_label_is_refused_is_not_stored(ask: Ask) -> None:
    new = {"name": "Mugs", "kind": "boxes", "labels": ["mug"], "question": ""}
    boxes = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    names = [f"shape {number}" for number in range(250)]
    new = {"name": "Shapes", "kind": "pictures", "labels": names, "question": ""}
    full = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    photo = encoded(scene(1))
    for path, label, sentence in (
        (boxes, "mug", "This project has boxes"),
        (full, "x" * 256, "A label has 1 to 255 characters"),
        (full, "one more", "A project has at most 250 labels"),
    ):
        status, _, problem = add(ask, path, photo, f"label={label}")
        assert (status, sentence in problem["detail"]) == (400, True)
        assert ask("GET", f"{path}/pictures")[1]["pictures"] == []
    assert add(ask, full, photo, "label=shape 249")[1] == "added"


def check_data(ask: Ask, path: str, picture: str) -> None:
    split = ask("POST", f"{path}/split", json={"seed": 1, "again": False})[1]
    assert split["without"] == 0
    assert sum(each[side] for each in split["counts"] for side in SIDES) == 7
    assert ask("PUT", f"{picture}/split", json={"split": "test"})[1]["split_is_fixed"]
    checks = ask("GET", f"{path}/checks")[1]
    assert (checks["labelled"], checks["unused_labels"], checks["unlabelled"]) == (7, [], 1)
    assert (checks["lines"], checks["dropped"], checks["nothing"]) == (7, 0, 0)
    assert "FEW_PICTURES" in {finding["code"] for finding in checks["findings"]}


def test_a_group_that_is_moved_apart_by_hand_is_named_until_it_is_together_again(ask: Ask) -> None:
    new = {"name": "Shapes", "kind": "pictures", "labels": ["disc"], "question": ""}
    path = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    photos = [encoded(scene(seed)) for seed in range(1, 7)]
    photos.append(encoded(scene(1).resize((300, 225))))  # resembles the first one
    sent = [add(ask, path, photo, "near=true&label=disc")[2]["picture"] for photo in photos]
    before = ask("GET", f"{path}/split")[1]
    assert (before["without"], before["groups"], before["crossings"]) == (7, 6, [])
    split = ask("POST", f"{path}/split", json={"seed": 1, "again": False})[1]
    assert (split["groups"], split["groups_on_two_sides"], split["without"]) == (6, 0, 0)
    assert sum(split[side] for side in SIDES) == 7

    small, first = sent[-1]["id"], sent[0]["id"]
    side = ask("GET", f"{path}/pictures/{first}")[1]["split"]
    other = next(each for each in SIDES if each != side)
    ask("PUT", f"{path}/pictures/{small}/split", json={"split": other})
    apart = ask("GET", f"{path}/split")[1]
    assert (apart["groups"], apart["groups_on_two_sides"]) == (6, 1)
    (crossing,) = apart["crossings"]
    assert {each: crossing[each] for each in SIDES} == dict.fromkeys(SIDES, 0) | {side: 1, other: 1}
    shown = [(each["id"], each["split"], each["split_is_fixed"]) for each in crossing["pictures"]]
    assert shown == [(small, other, True), (first, side, False)]
    ask("PUT", f"{path}/pictures/{first}/split", json={"split": other})
    assert ask("GET", f"{path}/split")[1]["crossings"] == []


def test_a_program_follows_the_links_of_a_task_and_of_a_job(
    app: Flask, ask: Ask, secrets: dict[Scope, str]
) -> None:
    new = {"name": "Shapes", "kind": "pictures", "labels": ["disc"], "question": ""}
    path = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    picture = add(ask, path, encoded(scene(1)))[2]["picture"]
    task = ask("POST", f"{path}/labelling/next", "labeller")[1]["task"]
    assert task["preview"] == picture["preview"]
    program = app.test_client()
    seen = program.get(task["preview"], headers=bearer(secrets["labeller"]))
    assert (seen.status_code, seen.mimetype) == (200, "image/jpeg")
    assert Image.open(BytesIO(seen.data)).size == (picture["width"], picture["height"])
    assert program.get(task["preview"]).status_code == 401
    assert program.get(task["preview"], headers=bearer(secrets["visitor"])).status_code == 401
    gone = task["preview"].replace(picture["id"], "missing")
    assert program.get(gone, headers=bearer(secrets["labeller"])).status_code == 404
    wanted = {"format": "coco", "pictures": False}
    queued = ask("POST", f"{path}/exports", json=wanted)[1]
    job = program.get(queued["status"], headers=bearer(secrets["operator"]))
    assert (job.status_code, job.json["kind"]) == (200, "export-project")  # type: ignore[index]
    assert ask("DELETE", path)[0] == 202
    assert program.get(task["preview"], headers=bearer(secrets["labeller"])).status_code == 404
    assert ask("GET", f"{path}/pictures/{picture['id']}")[0] == 404


def test_a_labeller_says_what_a_picture_shows_before_its_boxes_are_drawn(ask: Ask) -> None:
    new = {"name": "Mugs", "kind": "boxes", "labels": ["mug"], "question": ""}
    made = ask("POST", "/projects", json=new)[1]
    path, mug = made["links"]["self"].removeprefix("/api/v1"), made["labels"][0]["id"]
    picture = add(ask, path, encoded(scene(1)))[2]["picture"]["id"]
    labels = f"{path}/pictures/{picture}/labels"
    assert ask("PUT", f"{labels}/hint", "labeller", json={"labels": [mug]})[0] == 204
    task = ask("POST", f"{path}/labelling/next", "labeller")[1]["task"]
    assert (task["id"], task["labels"], task["revision"]) == (picture, [mug], 0)
    assert ask("PUT", f"{labels}/hint", json={"labels": ["missing"]})[0] == 422
    ask("PUT", labels, json={"revision": 0, "boxes": [], "labels": []})
    assert ask("PUT", f"{labels}/hint", json={"labels": [mug]})[0] == 409
    whole = ask("POST", "/projects", json=new | {"name": "Cups", "kind": "pictures"})[1]
    path = whole["links"]["self"].removeprefix("/api/v1")
    picture = add(ask, path, encoded(scene(1)))[2]["picture"]["id"]
    hint = ask("PUT", f"{path}/pictures/{picture}/labels/hint", json={"labels": []})
    assert (hint[0], "save the labels instead" in hint[1]["detail"]) == (400, True)


def test_exports_are_listed_once_they_can_be_downloaded(
    app: Flask, pipeline: Pipeline, ask: Ask, secrets: dict[Scope, str]
) -> None:
    new = {"name": "Shapes", "kind": "pictures", "labels": ["disc"], "question": ""}
    path = ask("POST", "/projects", json=new)[1]["links"]["self"].removeprefix("/api/v1")
    add(ask, path, encoded(scene(1)), "label=disc")
    job = ask("POST", f"{path}/exports", json={"format": "coco", "pictures": True})[1]["id"]
    assert ask("GET", f"{path}/exports") == (200, {"exports": []})
    export_now(pipeline, job)
    ((export,),) = ask("GET", f"{path}/exports")[1].values()
    assert (export["job"], export["format"], export["pictures"]) == (job, "coco", True)
    headers = bearer(secrets["operator"])
    with app.test_client().get(export["download"], headers=headers) as file:
        assert len(file.data) == export["bytes"]
    assert ask("GET", f"{path}/exports", "labeller")[0] == 403


def export_now(pipeline: Pipeline, id: str) -> None:
    """Do the job of an export here, as a worker does."""
    queue = JobQueue(pipeline.results.database, 20)
    arguments = queue.get(id).arguments
    run = Run(id, queue.get(id).attempt, "worker-of-the-test")
    queue.store.begin(run)
    given = [arguments[name] for name in ("project_id", "format", "with_pictures")]
    result = JobSteps(pipeline, job_id=id).step("export", export_to_storage, *given)
    assert queue.store.finish(run, result)


def check_labels(ask: Ask, path: str) -> None:
    labels = {each["name"]: each["id"] for each in ask("GET", path)[1]["labels"]}
    assert ask("POST", f"{path}/labels", json={"names": ["ring"]})[0] == 200
    order = [each["id"] for each in reversed(ask("GET", path)[1]["labels"])]
    ordered = ask("PUT", f"{path}/labels", json={"ids": order})[1]["labels"]
    assert [each["id"] for each in ordered] == order
    square = f"{path}/labels/{labels['square']}"
    assert ask("PUT", square, json={"name": "box"})[0] == 200
    assert ask("DELETE", square)[0] == 409
    merged = ask("DELETE", f"{square}?into={labels['disc']}")[1]["labels"]
    assert {each["name"]: each["pictures"] for each in merged} == {"ring": 0, "disc": 7}
    changed = {"name": "Forms", "question": "", "keep_days": 30}
    assert ask("PUT", path, json=changed)[1]["keep_days"] == 30


def check_jobs(ask: Ask, path: str) -> None:
    assert ask("POST", f"{path}/exports", json={"format": "coco", "pictures": True})[0] == 202
    assert ask("GET", f"{path}/exports/none")[0] == 404
    file = {"data": {"picture": (BytesIO(b"PK\3\4"), "a.zip")}}
    assert ask("POST", f"{path}/imports?folders=true", **file)[0] == 202
    s3 = {"address": "s3://bucket/a/", "folders": True, "near": False, "shrink": True}
    assert ask("POST", f"{path}/imports/s3", json=s3)[0] == 400  # pictures are in a folder
    assert ask("GET", f"{path}/visitor-pictures")[1] == {"candidates": []}
    taken = ask("POST", f"{path}/visitor-pictures", json={"results": ["none"], "label": None})
    why = "There is no such picture, or its visitor does not allow training with it."
    assert taken == (200, {"taken": 0, "refused": [{"result": "none", "reason": why}]})
