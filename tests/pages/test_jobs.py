"""The pages of a visitor's own jobs: tabs, progress, cancel, try again; others see nothing."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from rubberduck.core.errors import JobsUnavailable, TooManyJobs, TooManyPixels
from rubberduck.core.sentences import Sentence
from rubberduck.core.settings import Settings
from rubberduck.db.results import Results
from rubberduck.jobs import queue as queue_module
from rubberduck.jobs.models import Job, Run
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.training_queue import CANCELLED_MESSAGE
from rubberduck.services.video_analysis import progress_of
from rubberduck.web.jobs import failure_of
from tests.support.operators import sign_in
from tests.support.visitor import as_visitor

WORKER = "worker-of-the-test"


@pytest.fixture
def queue(results: Results) -> JobQueue:
    return JobQueue(results.database, 3)


@pytest.fixture
def ann(client: FlaskClient) -> FlaskClient:
    with client.session_transaction() as session:
        session["visitor"] = "ann"
    return client


def started(queue: JobQueue, id: str) -> Run:
    run = Run(id, queue.get(id).attempt, WORKER)
    assert isinstance(queue.store.begin(run), Job)
    return run


def test_a_job_is_followed_from_the_queue_to_its_end(ann: FlaskClient, queue: JobQueue) -> None:
    id = queue.enqueue("train", "ann", pictures=40)
    page = ann.get(f"/jobs/{id}").text
    assert "waiting" in page
    assert 'id="waits">No worker is running' in page
    queue.executors.beat(WORKER)
    run = started(queue, id)
    queue.store.report(run, 40, "16 of 40 pictures", ["looked at 16"])
    page = ann.get(f"/jobs/{id}").text
    assert 'id="waits" hidden>' in page
    assert '<progress max="100" value="40"' in page
    assert "16 of 40 pictures" in page
    assert "looked at 16" in page
    assert queue.store.finish(run, {"version": 1})
    page = ann.get(f"/jobs/{id}").text
    assert ("<progress" in page, "Cancel" in page, "Try again" in page) == (False, False, False)
    assert "done" in page


def test_a_job_that_runs_is_not_complete(ann: FlaskClient, queue: JobQueue) -> None:
    """100 % stood beside "running" for the seconds that the result takes."""
    run = started(queue, id := queue.enqueue("train", "ann"))
    queue.store.report(run, 100, "")
    assert '<progress max="100" value="99"' in ann.get(f"/jobs/{id}").text
    queue.store.finish(run, None)
    assert queue.get(id).progress == 100


def test_the_list_of_jobs_says_what_an_import_came_to(ann: FlaskClient, queue: JobQueue) -> None:
    run = started(queue, id := queue.enqueue("import-pictures", "ann"))
    queue.store.finish(run, {"added": 40, "refused": 3})
    for address in (f"/jobs/{id}", "/jobs/?tab=done"):
        assert "<p>pictures added: 40, refused: 3</p>" in ann.get(address).text


def test_what_a_job_says_is_shown_in_the_language_of_the_site(
    ann: FlaskClient, settings: Settings, pipeline: Pipeline, queue: JobQueue
) -> None:
    run = started(queue, id := queue.enqueue("analyse-video", "ann"))
    percent, sentence = progress_of(90, 600, 3.0)
    queue.store.report(run, int(percent), sentence, (), sentence.to_json())
    german = create_app(settings.model_copy(update={"language": "de"}), pipeline=pipeline)
    client = german.test_client()
    as_visitor(client, "ann")
    said = "1:30 von 10:00 analysiert, noch 3 Minuten"
    for address in (f"/jobs/{id}", f"/jobs/{id}.json", "/jobs/", f"/api/v1/jobs/{id}"):
        assert said in client.get(address).text
        assert "1:30 of 10:00 analysed, 3 minutes left" in ann.get(address).text
    queue.store.report(run, 13, "from a worker of the release before")
    assert "from a worker of the release before" in client.get(f"/jobs/{id}").text
    queue.store.cancel(id)
    assert client.get(f"/api/v1/jobs/{id}").get_json()["message"] == ""


def test_why_a_job_failed_is_shown_in_the_language_of_the_site(
    ann: FlaskClient, settings: Settings, pipeline: Pipeline, queue: JobQueue
) -> None:
    why = TooManyPixels("It has more than the limit of {most} million pixels.", most=70).problem
    sentence = Sentence("{file_name}: {reason}", file_name="a.jpg", reason=why.sentence)
    run = started(queue, id := queue.enqueue("import-pictures", "ann"))
    queue.store.report(run, None, None, ["of a program", sentence])
    queue.store.fail(run, sentence)
    german = create_app(settings.model_copy(update={"language": "de"}), pipeline=pipeline)
    client = german.test_client()
    as_visitor(client, "ann")
    german_text = "a.jpg: Es hat mehr als die erlaubten 70 Millionen Pixel."
    for address in (f"/jobs/{id}", "/jobs/?tab=failed", f"/api/v1/jobs/{id}"):
        assert german_text in client.get(address).text
        assert "a.jpg: It has more than the limit of 70 million pixels." in ann.get(address).text
    lines = [line["line"] for line in client.get(f"/api/v1/jobs/{id}").get_json()["log"]]
    assert lines[1:] == [
        "of a program",
        german_text,
        f"fehlgeschlagen: {german_text}",
    ]
    with german.test_request_context():  # of the version or video that it did not make
        assert failure_of(str(sentence), id) == german_text
        assert failure_of(f"{sentence} {CANCELLED_MESSAGE}", id) == f"{german_text} Abgebrochen."
        assert failure_of(str(CANCELLED_MESSAGE), "gone") == "Abgebrochen."
    queue.retry(id, "ann")  # nothing of the failure is left
    assert client.get(f"/api/v1/jobs/{id}").get_json()["error"] is None


def test_polling_costs_nothing_while_nothing_changes(ann: FlaskClient, queue: JobQueue) -> None:
    queue.executors.beat(WORKER)
    id = queue.enqueue("train", "ann")
    first = ann.get(f"/jobs/{id}.json")
    assert first.get_json() == {"state": "queued", "progress": 0, "message": "", "waits": False}
    same = {"If-None-Match": first.headers["ETag"]}
    assert ann.get(f"/jobs/{id}.json", headers=same).status_code == 304
    queue.store.report(started(queue, id), 1, "begun")
    assert ann.get(f"/jobs/{id}.json", headers=same).get_json()["progress"] == 1


def test_a_job_is_cancelled_and_tried_again(ann: FlaskClient, queue: JobQueue) -> None:
    id = queue.enqueue("train", "ann")
    run = started(queue, id)
    answer = ann.post(f"/jobs/{id}/cancel", follow_redirects=True)
    assert "Cancelled." in answer.text
    assert not queue.store.finish(run, "too late")
    assert not queue.store.report(run, 99, "too late")
    again = ann.post(f"/jobs/{id}/cancel")
    assert (again.status_code, "state" in again.text) == (409, True)
    assert "Queued again." in ann.post(f"/jobs/{id}/retry", follow_redirects=True).text
    assert not queue.store.finish(run, "of the attempt before")
    job = queue.get(id)
    assert (job.state, job.attempt, job.result) == ("queued", 1, None)


def test_a_failed_job_says_why(ann: FlaskClient, queue: JobQueue) -> None:
    id = queue.enqueue("train", "ann")
    queue.store.fail(started(queue, id), "There are no pictures in mugs.")
    assert "There are no pictures in mugs." in ann.get(f"/jobs/{id}").text
    assert "There are no pictures in mugs." in ann.get("/jobs/?tab=failed").text


def test_the_tabs_count_what_is_in_them(ann: FlaskClient, queue: JobQueue) -> None:
    ids = [queue.enqueue("train", "ann") for _ in range(3)]
    queue.store.cancel(ids[0])
    assert queue.store.finish(started(queue, ids[1]), None)
    for tab, id in {"active": ids[2], "done": ids[1], "failed": ids[0]}.items():
        page = ann.get(f"/jobs/?tab={tab}").text
        assert page.count('<li class="card">') == 1
        assert id in page
        assert "1 of 20 jobs wait or run." in page  # DUCK_OWNER_JOBS
    assert ann.get("/jobs/?tab=others").status_code == 400
    sign_in(ann)
    assert "20 jobs of each project may wait or run." in ann.get("/jobs/").text


def test_a_tab_leads_to_its_older_jobs(ann: FlaskClient, queue: JobQueue) -> None:
    ids = {f"job-{number:02}" for number in range(52)}
    for id in ids:
        queue.store.insert(id, "train", "ann", {})
    queue.store.cancel("job-00")
    first = ann.get("/jobs/").text
    link = re.search(r'href="(/jobs/\?tab=active[^"]*)">Older jobs<', first)
    assert link
    second = ann.get(html.unescape(link[1])).text
    shown = [re.findall(r'href="/jobs/(job-\d\d)"', page) for page in (first, second)]
    assert (len(shown[0]), len(shown[1])) == (50, 1)
    assert {*shown[0], *shown[1]} == ids - {"job-00"}
    assert "Older jobs" not in second
    assert ann.get("/jobs/?tab=active&cursor=x").status_code == 400


def test_others_neither_see_nor_change_a_job(ann: FlaskClient, app: Flask, queue: JobQueue) -> None:
    mine, site = queue.enqueue("train", "ann"), queue.enqueue("sweep", "site")
    stranger, bob = app.test_client(), app.test_client()
    with bob.session_transaction() as session:
        session["visitor"] = "bob"
    for client, id in [(stranger, mine), (bob, mine), (bob, site), (ann, site)]:
        assert client.get(f"/jobs/{id}").status_code == 404
        assert client.get(f"/jobs/{id}.json").status_code == 404
        assert client.post(f"/jobs/{id}/cancel").status_code in (403, 404)
        assert id not in client.get("/jobs/").text
    assert {queue.get(id).state for id in (mine, site)} == {"queued"}


def test_an_owner_may_only_queue_so_many(queue: JobQueue) -> None:
    ids = [queue.enqueue("train", "ann") for _ in range(3)]
    with pytest.raises(TooManyJobs, match="wait or run: 3, as many"):
        queue.enqueue("train", "ann")
    queue.enqueue("train", "bob")
    queue.store.cancel(ids[0])
    queue.enqueue("train", "ann")


def test_of_jobs_queued_at_the_same_moment_only_so_many_are_taken(any_results: Results) -> None:
    queue = JobQueue(any_results.database, 3)
    before = [queue.enqueue("train", "ann") for _ in range(3)]
    for id in before:
        queue.store.cancel(id)
    begin = Barrier(12)

    def enqueue(number: int) -> bool:
        begin.wait(60)
        try:
            if number < len(before):
                return queue.retry(before[number], "ann")
            return bool(queue.enqueue("train", "ann"))
        except TooManyJobs:
            return False

    with ThreadPoolExecutor(12) as visitors:
        taken = list(visitors.map(enqueue, range(12)))
    assert (taken.count(True), queue.store.count("ann")["queued"]) == (3, 3)


def test_trying_again_counts_as_queueing(ann: FlaskClient, queue: JobQueue) -> None:
    id = queue.enqueue("train", "ann")
    queue.store.cancel(id)
    for number in range(20):  # DUCK_OWNER_JOBS
        queue.store.insert(f"more-{number}", "train", "ann", {})
    assert ann.post(f"/jobs/{id}/retry").status_code == 429
    assert queue.get(id).state == "cancelled"
    queue.store.cancel("more-0")
    assert ann.post(f"/jobs/{id}/retry").status_code == 303


@pytest.mark.parametrize("kind", ["train", "delete-project"])
def test_a_job_that_the_database_does_not_take_in_time_is_not_queued(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Not even later: its sender was told that it is not."""
    monkeypatch.setattr(queue_module, "ENQUEUE_SECONDS", 0.2)
    with queue.store.database.transaction(writing=True), pytest.raises(JobsUnavailable) as refused:
        queue.enqueue(kind, "ann")
    assert refused.value.status == 503
    queue._pool.shutdown()
    assert queue.store.newest() == []


def test_a_job_that_is_not_queued_again_in_time_stays_as_it_was(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = queue.enqueue("train", "ann")
    run = Run(id, 0, "worker")
    assert queue.store.begin(run)
    queue.store.fail(run, "No picture shows a mug.")
    before = queue.get(id)
    assert before.error
    monkeypatch.setattr(queue_module, "ENQUEUE_SECONDS", 0.2)
    with queue.store.database.transaction(writing=True), pytest.raises(JobsUnavailable):
        queue.retry(id, "ann")
    queue._pool.shutdown()
    assert replace(queue.get(id), attempt=before.attempt) == before
