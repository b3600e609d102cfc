"""Requests that Schemathesis generates from the OpenAPI document; thousands in `make soak`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import chain
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.engine import from_schema
from schemathesis.engine.events import EngineEvent, FatalError, NonFatalError, ScenarioFinished

from app import create_app
from rubberduck.accounts.operators import Operators
from rubberduck.accounts.sessions import Sessions
from rubberduck.accounts.tokens import Tokens
from rubberduck.api.uploads import CONTENT_TYPE
from rubberduck.core.models import Box
from rubberduck.core.settings import Settings
from rubberduck.custom_models.measuring import evaluate
from rubberduck.jobs.models import Viewer
from rubberduck.jobs.queue import JobQueue
from rubberduck.scoring.matching import Target, TestedPicture
from rubberduck.services.pipeline import Pipeline
from rubberduck.videos.store import Videos
from tests.support import face_collections
from tests.support.analysed_videos import (
    add_video,
    queued_video,
    random_samples,
    swimming_ducks,
)
from tests.support.custom_labels import FakeCustomLabels
from tests.support.custom_labels.collections import Shown
from tests.support.fake_faces import FakeFaces, two_faces
from tests.support.labelling import add_model, add_project, noise
from tests.support.pictures import block_pattern, corners, encoded, form
from tests.support.ready_videos import store_video
from tests.support.trained_projects import add_version
from tests.support.visitor import Visit, as_visitor, session_cookie_name

# A seed, how many examples of each operation, with valid and with invalid data, and how many
# requests those are at least.
RUNS = [
    (0, 40, 500),
    *(pytest.param(seed, 200, 2_000, marks=pytest.mark.soak) for seed in range(1, 4)),
]
MAX_RESPONSE_SECONDS = 120.0  # on a busy machine
# More seeds, for what the first one did not reach. Even with a fixed seed Hypothesis 6.170.15
# generates other requests after other tests: it draws constants from all modules that are loaded.
MORE_SEEDS = (1001, 1002, 1003)
REACHED = {
    ("POST /pictures", 201),
    ("POST /pictures", 413),
    ("POST /pictures", 415),
    ("POST /pictures", 422),
    ("POST /frames", 200),
    ("GET /results", 200),
    ("GET /results/{id}", 200),
    ("PUT /results/{id}/judgement", 204),
    ("PUT /results/{id}/corrections", 200),
    ("DELETE /results/{id}/corrections", 204),
    ("DELETE /results/{id}", 204),
    ("POST /uploads", 201),
    ("PATCH /uploads/{id}", 204),
    ("DELETE /uploads/{id}", 204),
    ("POST /videos", 202),
}

NAMED_OBJECTS = "^/which|^/named-objects"
# Of projects and of what operators see; those of labelling have a test of their own.
OPERATORS = "^/projects|^/jobs|^/sessions|^/audit|^/people|^/account"

PICTURES = [
    *(encoded(corners(100 + number, 100), quality=60) for number in range(12)),
    encoded(format="PNG"),
    encoded(format="WEBP"),
]
REFUSED_STATUS = {
    b"quack": 415,
    encoded()[:700]: 422,
    encoded(corners(60, 90)): 422,
    bytes(40_000): 413,
}
# The document cannot say which bytes are a picture; `check_picture_status` can.
VALID_DATA = {"expected-statuses": ["2xx", 413, 415, 422]}
# Nor which uploads are there, and complete; only operators may name an object of S3.
VALID_SOURCE = {"expected-statuses": ["2xx", 401, 404, 409, 413, 415, 429]}
VALID_PART = {"expected-statuses": ["2xx", 400, 404, 409, 460]}
# 412 is tus's own for a version that it does not speak.
REFUSED = {"expected-statuses": [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    room = {"video_owner_waiting": 1000, "video_owner_bytes": 10**12}
    return settings.model_copy(update={"max_bytes": 30_000, **room})


@schemathesis.check
def check_picture_status(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.path not in ("/pictures", "/frames"):
        return
    body: Any = case.body
    if response.status_code == 422 and response.json()["type"].endswith("#key-reused"):
        return  # the same Idempotency-Key was generated for two pictures
    picture = bytes(body["picture"] if case.media_type == "multipart/form-data" else body)
    expected = REFUSED_STATUS.get(picture, 201 if case.path == "/pictures" else 200)
    assert response.status_code == expected


def visitor_with_results(app: Flask) -> tuple[str, list[str], list[str]]:
    """Return the session cookie of a visitor with results, cursors into their list, and uploads."""
    client = app.test_client()
    for picture in PICTURES[:5]:
        client.post("/api/v1/pictures", **form(picture))
    pages = [client.get(f"/api/v1/results?limit={limit}").json for limit in range(1, 5)]
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    cursors = [page["links"]["next"].partition("cursor=")[2] for page in pages if page]
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10000"}
    begun = [client.post("/api/v1/uploads", headers=tus).json for _ in range(9)]
    return cookie.value, cursors, [str(upload["id"]) for upload in begun if upload]


def run_schemathesis(app: Flask, seed: int, examples: int) -> Iterator[EngineEvent]:
    cookie, cursors, uploads = visitor_with_results(app)
    schemathesis.openapi.media_type("image/*", st.sampled_from([*PICTURES, *REFUSED_STATUS]))
    schemathesis.openapi.format("cursor", st.sampled_from(cursors))
    schemathesis.serializer.alias(CONTENT_TYPE, "application/octet-stream")
    schemathesis.openapi.media_type("video/*", st.binary(min_size=1, max_size=100))
    schemathesis.openapi.format("upload-id", st.sampled_from([*uploads, "missing"]))
    schemathesis.openapi.format("etag", st.sampled_from(["*", '"quack"', 'W/"quack"']))
    config: dict[str, Any] = {
        "seed": seed,
        "generation": {"max-examples": examples, "database": "none"},
        "auth": {"openapi": {"session": {"api_key": cookie}}},
        "checks": {
            "max_response_time": MAX_RESPONSE_SECONDS,
            "negative_data_rejection": REFUSED,
            "missing_required_header": REFUSED,
        },
        "operations": [
            {
                "include-operation-id": "create_video",
                "checks": {"positive_data_acceptance": VALID_SOURCE},
            },
            {
                "include-operation-id": "append_upload",
                "checks": {"positive_data_acceptance": VALID_PART},
            },
            {"include-method": "POST", "checks": {"positive_data_acceptance": VALID_DATA}},
        ],
    }
    schema = schemathesis.openapi.from_wsgi(
        "/api/openapi.json", app, config=schemathesis.Config.from_dict(config)
    )
    # It takes API keys only: with this cookie it is always a 401. tests/pages/test_keys.py has it.
    visitors = schema.exclude(operation_id="revoke_key").exclude(
        path_regex=f"{OPERATORS}|/analyses"
    )
    # This site is not connected to Amazon: tests/pages/test_celebrities.py has one that is.
    visitors = visitors.exclude(operation_id=[*VIDEOS, *FACES, "recognize_celebrities"])
    visitors = visitors.exclude(path_regex=f"{NAMED_OBJECTS}|^/collections")
    yield from from_schema(visitors).execute()


def run_until_reached(
    app: Flask, seed: int, examples: int, responses: Counter[tuple[str, int]]
) -> Iterator[EngineEvent]:
    """Run with more seeds until `responses`, which the caller counts, has all of REACHED."""
    for each in (seed, *MORE_SEEDS):
        yield from run_schemathesis(app, each, examples)
        if set(responses) >= REACHED:
            return


@pytest.mark.no_cover  # other tests cover the same lines; here it would take half of the time
@pytest.mark.parametrize(("seed", "examples", "requests"), RUNS)
def test_the_api_matches_its_document(app: Flask, seed: int, examples: int, requests: int) -> None:
    responses: Counter[tuple[str, int]] = Counter()
    uploads: Counter[str | None] = Counter()
    checks: set[str] = set()
    failures: list[str] = []
    for event in run_until_reached(app, seed, examples, responses):
        if isinstance(event, NonFatalError | FatalError):
            failures.append(str(event))
        if not isinstance(event, ScenarioFinished):
            continue
        for id, interaction in event.recorder.interactions.items():
            assert interaction.response
            case = event.recorder.cases[id].value
            responses[f"{case.operation.label}", interaction.response.status_code] += 1
            uploads[case.media_type] += interaction.response.status_code == 201
        for check in chain.from_iterable(event.recorder.checks.values()):
            checks.add(check.name)
            if check.failure_info:
                failures.append(f"{check.failure_info.failure}\n{check.failure_info.code_sample}")
    assert failures == []
    assert responses.total() >= requests
    assert uploads["multipart/form-data"]
    assert uploads["image/*"]
    assert set(responses) >= REACHED
    # No operation requires credentials, so there are none to ignore.
    assert set(CHECKS.get_all_names()) - checks == {"ignored_auth"}


LABELLING = [
    "next_labelling_task",
    "get_picture_labels",
    "put_picture_labels",
    "open_picture_labels",
    "get_picture_history",
    "get_picture_suggestions",
    "renew_picture_lease",
    "put_picture_truth",
    "delete_picture_truth",
    "list_labellers",
]


def test_labelling_matches_its_document(app: Flask, pipeline: Pipeline) -> None:
    database = pipeline.results.database
    project, pictures = add_project(database, pipeline.storage, "mugs", map(noise, range(3)))
    operator = Operators(database).create("Ada")
    key, _ = Tokens(database).create(operator.id, "a key", timedelta(days=1), "operator")
    schemathesis.openapi.format("project-id", st.sampled_from([project.id] * 9 + ["missing"]))
    schemathesis.openapi.format("project-picture-id", st.sampled_from([*pictures, "missing"]))
    # Labels that the project lacks, a revision that is not the last one.
    refused = [404, 409, 422]
    assert answered(app, LABELLING, {"operator": {"bearer": key}}, refused) == set(LABELLING)


# What Amazon found is read in tests/api/test_video_paid.py: an analysis has to end before.
PAID = [
    "list_paid_analyses",
    "start_paid_analysis",
    "get_paid_analysis",
    "cancel_paid_analysis",
    "retry_paid_analysis",
]
PAID_VIDEO = "a-video-of-22-letters_"


def test_paid_analyses_match_their_document(
    s3: Any, eyes: Any, aws_settings: Settings, composed: Callable[..., Pipeline]
) -> None:
    settings = aws_settings.model_copy(update={"rekognition_video": True})
    site = composed(settings)
    app = create_app(settings, pipeline=site)
    store_video(site, PAID_VIDEO)
    database = site.results.database
    operator = Operators(database).create("Ada")
    key, _ = Tokens(database).create(operator.id, "a key", timedelta(days=1), "operator")
    client = app.test_client()
    body = {"way": "rekognition-images", "rate": 5, "max_usd": 1}
    headers = {"Authorization": f"Bearer {key}"}
    path = f"/api/v1/videos/{PAID_VIDEO}/analyses"
    started = client.post(path, json=body, headers=headers).get_json()
    schemathesis.openapi.format("video-id", st.sampled_from([*[PAID_VIDEO] * 9, "missing"]))
    schemathesis.openapi.format("etag", st.sampled_from(["*", '"quack"']))
    fixed = {"path.analysis_id": started["id"]}
    # One runs already, so that no other one starts.
    seldom = {"start_paid_analysis", "retry_paid_analysis"}
    auth = {"operator": {"bearer": key}}
    done = answered(app, PAID, auth, [400, 404, 409, 503], 4, fixed, seldom)
    assert done | seldom == set(PAID)


VIDEOS = [
    "list_videos",
    "get_video",
    "export_video",
    "list_video_labels",
    "list_video_tracks",
    "cancel_video",
    "delete_video",
]


def test_videos_match_their_document(app: Flask, pipeline: Pipeline) -> None:
    database, client = pipeline.results.database, app.test_client()
    ids = [f"video-{number}" for number in range(30)]
    for number, id in enumerate(ids):
        samples = swimming_ducks() if number < 3 else random_samples(number, 5, ["Bird", "Toy"])
        add_video(database, samples, id=id, owner="ann")
    queue, running = JobQueue(database, 50), [f"running-{number}" for number in range(30)]
    for id in running:
        job_id = queue.enqueue("analyse-video", "ann", video_id=id)
        Videos(database).create(queued_video(id=id, owner="ann", job_id=job_id))
    as_visitor(client, "ann")
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    listed = client.get("/api/v1/videos?limit=3").get_json()
    labels = client.get(f"/api/v1/videos/{ids[0]}/labels?limit=3").get_json()
    tokens = {"video-cursor": listed, "labels-token": labels}
    for format, body in tokens.items():
        token = body["links"]["next"].rpartition("=")[2]
        schemathesis.openapi.format(format, st.just(token))
    schemathesis.openapi.format("tracks-token", st.sampled_from(["0", "1"]))
    schemathesis.openapi.format("video-id", st.sampled_from([*ids, *running, "missing"]))
    schemathesis.openapi.format("etag", st.sampled_from(["*", '"quack"', 'W/"quack"']))
    # A token of the other aggregate, a label that was not seen; deleted, or not ready.
    refused = [400, 404, 409]
    assert answered(app, VIDEOS, {"session": {"api_key": cookie.value}}, refused) == set(VIDEOS)


FACES = ["analyze_faces", "analyze_face_frame", "get_faces", "delete_faces"]


def test_faces_match_their_document(settings: Settings, pipeline: Pipeline) -> None:
    finders = FakeFaces(*two_faces()).finders
    app = create_app(settings, pipeline=replace(pipeline, open_faces=finders))
    client = app.test_client()
    client.get("/")
    data = {"picture": (BytesIO(PICTURES[0]), "us.jpg"), "consent": "yes", "keep": "yes"}
    kept = client.post("/api/v1/faces", data=data).headers["Location"]
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie
    schemathesis.openapi.media_type("image/*", st.sampled_from([*PICTURES, *REFUSED_STATUS]))
    auth, fixed = {"session": {"api_key": cookie.value}}, {"path.id": kept.split("/")[-2]}
    # Bytes that are no picture; deleted before.
    refused = [404, 413, 415, 422]
    assert answered(app, FACES, auth, refused, 4, fixed) == set(FACES)


# Deletions are in tests/api/test_named_objects.py: here they would be the end of the others.
NAMED = [
    "ask_which",
    "list_named_objects",
    "create_named_object",
    "get_named_object",
    "rename_named_object",
    "add_named_photo",
]


def test_named_objects_match_their_document(app: Flask, pipeline: Pipeline) -> None:
    operator = Operators(pipeline.results.database).create("Ada")
    tokens = Tokens(pipeline.results.database)
    key, _ = tokens.create(operator.id, "a key", timedelta(days=1), "operator")
    client, headers = app.test_client(), {"Authorization": f"Bearer {key}"}
    ids = []
    for number in range(3):
        name = {"name": f"Duck {number}"}
        made = client.post("/api/v1/named-objects", json=name, headers=headers).get_json()
        ids.append(made["id"])
    photo = form(encoded(block_pattern(1), quality=60))
    path = f"/api/v1/named-objects/{ids[0]}/photos?whole=true"
    assert client.post(path, headers=headers, **photo).status_code == 201
    schemathesis.openapi.format("named-object-id", st.sampled_from([*ids, "missing"]))
    schemathesis.openapi.media_type("image/*", st.sampled_from(PICTURES))
    auth = {"operator": {"bearer": key}, "session": {"api_key": "none"}}
    # A name that is taken, a photo without a duck or that is there already.
    seldom = {"add_named_photo"}
    done = answered(app, NAMED, auth, [400, 404, 409, 413, 415, 422], 8, seldom=seldom)
    assert set(NAMED) - done <= seldom


# What no request of the document can bring about here: a bucket, a video that was analysed, enough
# pictures for a training, Amazon, a file that an export has finished, each label named once. What
# is last in the list is seldom brought about by so few requests.
NOT_HERE = {
    "import_s3_into_project",
    "take_in_video_frames",
    "train_model",
    "train_model_at_amazon",
    "extend_model",
    "get_project_export",
    "order_project_labels",
    "delete_project_picture",
    "remove_project_label",
    "rename_project_label",
}


def test_what_operators_do_matches_its_document(app: Flask, pipeline: Pipeline) -> None:
    database, storage = pipeline.results.database, pipeline.storage
    project, pictures = add_project(database, storage, "mugs", map(noise, range(9)))
    box = Box(0.1, 0.1, 0.5, 0.5, "", 90)
    tested = [TestedPicture(id, id, (Target("mug", box),), ()) for id in pictures]
    figures = evaluate(tested, {"mug": 0.5}, "boxes", "validation")
    add_model(database, storage, project, figures)
    add_version(database, storage, project, figures)
    operator = Operators(database).create("Ada")
    tokens, sessions = Tokens(database), Sessions(database)
    key, _ = tokens.create(operator.id, "a key", timedelta(days=1), "operator")
    for number in range(9):
        sessions.create(operator, "link", f"browser {number}")
    keys = [tokens.create(operator.id, f"key {n}", timedelta(days=9), "labeller") for n in range(9)]
    queue = JobQueue(database, 50)
    jobs = [queue.enqueue("analyse-video", f"project:{project.id}") for _ in range(20)]
    page = queue.store.page(Viewer("", is_operator=True), ("queued",), 3)
    values = {
        "project-id": [project.id] * 9 + ["missing"],
        "project-picture-id": [*pictures, "missing"],
        "project-label-id": [label.id for label in project.labels],
        "sign-in-id": [session.id for session in sessions.list(operator.id)],
        "api-key-id": [token.id for _, token in keys],
        "person-id": [Operators(database).create("Bob", "labeller").id, operator.id, "missing"],
        "job-id": [*jobs, "missing"],
        "job-cursor": [page.next or ""],
        "mistakes-token": ["0", "1"],
        "etag": ["*", '"quack"'],
    }
    for format, strings in values.items():
        schemathesis.openapi.format(format, st.sampled_from(strings))
    schemathesis.openapi.media_type("image/*", st.sampled_from(PICTURES))
    document = app.test_client().get("/api/openapi.json").get_json()
    named = {
        operation["operationId"]
        for path, item in document["paths"].items()
        if re.match(OPERATORS, path)
        for method, operation in item.items()
        if method != "parameters"
    }
    asked = named - set(LABELLING) - {"delete_project"}  # it would be the end of the others
    refused = [400, 404, 409, 413, 415, 422, 429, 503]
    auth = {"operator": {"bearer": key}, "api_key": {"bearer": key}}
    fixed = {"path.number": 1, "query.with": 2}
    done = answered(app, sorted(asked), auth, refused, 6, fixed, NOT_HERE)
    assert asked - done <= NOT_HERE


# The deletion of the collection would be the end of the others: tests/api/test_collections.py.
COLLECTIONS = [
    "list_collections",
    "create_collection",
    "get_collection",
    "compare_collection",
    "delete_collection_strangers",
    "list_collection_people",
    "add_collection_person",
    "get_collection_person",
    "delete_collection_person",
    "add_collection_face",
    "join_collection_faces",
    "part_collection_faces",
    "search_collection",
]


def test_face_collections_match_their_document(
    visit: Visit, custom_labels: FakeCustomLabels
) -> None:
    custom_labels.clock.per_call = 1.0  # nothing is throttled
    app = visit(**face_collections.ON).application
    site: Pipeline = app.extensions["pipeline"]
    service = site.collections
    service.remote.pace = lambda operation: None
    custom_labels.collections.shown = [Shown("ada")]
    service.create("staff")
    consent, picture = face_collections.consent(), face_collections.picture()
    people = [
        service.index("duck-staff", f"Ada {number}", consent, picture, "Grace").person
        for number in range(6)
    ]
    operator = Operators(site.results.database).create("Grace")
    tokens = Tokens(site.results.database)
    key, _ = tokens.create(operator.id, "a key", timedelta(days=1), "operator")
    ids = [person.id for person in people if person]
    schemathesis.openapi.format("collection-id", st.sampled_from(["duck-staff"] * 9 + ["missing"]))
    schemathesis.openapi.format("indexed-person-id", st.sampled_from([*ids, "missing"]))
    schemathesis.openapi.media_type("image/*", st.sampled_from(PICTURES))
    # A day in the future, a name that Amazon has, and whoever was deleted.
    refused = [400, 404, 409, 413, 415, 422, 503]
    seldom = {"create_collection"}
    auth = {"operator": {"bearer": key}}
    done = answered(app, COLLECTIONS, auth, refused, 6, seldom=seldom)
    assert done | seldom == set(COLLECTIONS)


def answered(
    app: Flask,
    operations: Sequence[str],
    auth: dict[str, Any],
    refused: Sequence[int],
    examples: int = 12,
    parameters: Mapping[str, Any] | None = None,
    seldom: Set[str] = frozenset(),
) -> set[str]:
    """Send a few requests to each operation; return those that succeeded at least once.

    `refused` are statuses that requests of the document may get, too; `parameters` have these
    values in all requests. Operations that are not `seldom` are tried with more seeds until they
    succeed. Fails where a response is not as the document says.
    """
    succeeded: set[str] = set()
    left = list(operations)
    for seed in (0, *MORE_SEEDS):
        succeeded |= _answered(app, left, auth, refused, examples, parameters or {}, seed)
        left = [each for each in operations if each not in succeeded and each not in seldom]
        if not left:
            break
    return succeeded


def _answered(
    app: Flask,
    operations: Sequence[str],
    auth: dict[str, Any],
    refused: Sequence[int],
    examples: int,
    parameters: Mapping[str, Any],
    seed: int,
) -> set[str]:
    config: dict[str, Any] = {
        "seed": seed,
        "generation": {"max-examples": examples, "database": "none"},
        "parameters": dict(parameters),
        "phases": {"stateful": {"enabled": False}, "coverage": {"enabled": False}},
        "auth": {"openapi": auth},
        "checks": {
            "max_response_time": MAX_RESPONSE_SECONDS,
            # It fails in Schemathesis itself where the application is called without a server.
            "ignored_auth": {"enabled": False},
            "positive_data_acceptance": {"expected-statuses": ["2xx", 304, *refused]},
        },
    }
    schema = schemathesis.openapi.from_wsgi(
        "/api/openapi.json", app, config=schemathesis.Config.from_dict(config)
    )
    succeeded: set[str] = set()
    failures: list[str] = []
    for event in from_schema(schema.include(operation_id=list(operations))).execute():
        if isinstance(event, NonFatalError | FatalError):
            failures.append(str(event))
        if not isinstance(event, ScenarioFinished):
            continue
        for id, interaction in event.recorder.interactions.items():
            operation = event.recorder.cases[id].value.operation
            if interaction.response and interaction.response.status_code in (200, 201, 202, 204):
                succeeded.add(operation.definition.raw["operationId"])
        for check in chain.from_iterable(event.recorder.checks.values()):
            if check.failure_info:
                failures.append(f"{check.failure_info.failure}\n{check.failure_info.code_sample}")
    assert failures == []
    return succeeded
