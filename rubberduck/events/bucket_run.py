"""Answer all pictures of a bucket below a prefix: each page of 1,000 keys is a job.

A page's job lists its keys, queues the job of the next page, and then answers its own: so several
workers share a run, and a crash repeats at most the calls in flight. Answers are rows.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from rubberduck.core.errors import DuckError, PictureRefused, Unavailable
from rubberduck.core.file_names import PICTURE_SUFFIXES
from rubberduck.core.ids import random_id
from rubberduck.core.sentences import Sentence
from rubberduck.db.bucket_runs import BucketAnswer, BucketRuns
from rubberduck.jobs.models import SITE
from rubberduck.jobs.registry import job

if TYPE_CHECKING:
    from rubberduck.db.call_rates import CallRate
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.jobs.store import JobStore
    from rubberduck.services.pipeline import Pipeline
    from rubberduck.storage.s3_conditional import ConditionalS3

log = logging.getLogger(__name__)
KIND = "answer-bucket"
# Calls in flight: two pages with so many make 50 calls a second, the highest quota, of 0.3 s each.
AT_ONCE = 8
ATTEMPTS, RETRY_SECONDS = 60, 30.0  # while a service does not answer


@dataclass(frozen=True)
class Page:
    """A page of a run; `token` is where its list begins. Stored with its job."""

    run_id: str
    number: int
    token: str | None
    bucket: str
    prefix: str
    calls_a_second: float | None

    @property
    def job_id(self) -> str:
        return job_id(self.run_id, self.number)


def job_id(run_id: str, number: int) -> str:
    """Return the job of a page, whose name is fixed."""
    return f"{run_id}-{number}"


def start_run(
    site: "Pipeline", store: "JobStore", bucket: str, prefix: str, calls_a_second: float | None
) -> str:
    """Queue a run and return its id. Raises ResultsUnavailable."""
    page = Page(random_id(), 0, None, bucket, prefix, calls_a_second)
    BucketRuns(site.results.database).begin(page.run_id, bucket, prefix, site.question.title)
    _queue(store, page)
    return page.run_id


def _queue(store: "JobStore", page: Page) -> None:
    # A step that runs again queues nothing twice, since the job is known by its name.
    store.insert(page.job_id, KIND, SITE, {"page": asdict(page)})


def is_picture(key: str) -> bool:
    """Return whether the key's name is that of a picture."""
    return PurePosixPath(key).suffix.lower() in PICTURE_SUFFIXES


@job(KIND)
def answer_bucket(context: "Context", page: Mapping[str, Any]) -> Any:
    keys = context.step("list", list_page, page)
    left = len(keys)
    for _ in range(ATTEMPTS):
        left = context.step("answer", answer_page, page, keys)
        if not left:
            break
        context.sleep(RETRY_SECONDS)
    if left:
        raise Unavailable("Pictures without an answer: {left}. A service fails.", left=left)
    return {"run": page["run_id"], "page": page["number"], "pictures": len(keys)}


def list_page(task: "Task", given: Mapping[str, Any]) -> list[str]:
    """Return a page's pictures, after queueing the job of the next page."""
    from rubberduck.jobs.store import JobStore

    page, database = Page(**given), task.site.results.database
    listed, following = _bucket(task.site, page.bucket).list_keys(
        page.bucket, page.prefix, page.token
    )
    keys = [key for key in listed if is_picture(key)]
    if following is not None:
        _queue(JobStore(database), replace(page, number=page.number + 1, token=following))
    runs = BucketRuns(database)
    runs.add_page(page.run_id, page.number, len(keys), is_last=following is None)
    return keys


def answer_page(task: "Task", given: Mapping[str, Any], keys: list[str]) -> int:
    """Answer the pictures of a page that have no answer; return how many are left.

    Some are left if a service does not answer; if none is, the page is finished. That is no step of
    its own: a step begins with a second of imports.
    """
    page, site = Page(**given), task.site
    runs = BucketRuns(site.results.database)
    waiting = runs.unanswered(page.run_id, page.number, keys)
    bucket, rate = _bucket(site, page.bucket), _rate(site, page.calls_a_second)
    done = len(keys) - len(waiting)
    for answers in answers_of(lambda key: _answer(site, bucket, key, rate), waiting):
        runs.add_answers(page.run_id, page.number, answers)
        done += len(answers)
        task.progress(
            100 * done / len(keys), Sentence("{done} of {of} pictures", done=done, of=len(keys))
        )
    if left := len(keys) - done:
        return left
    runs.finish_page(page.run_id, page.number)
    return 0


def answers_of(
    answer: Callable[[str], BucketAnswer | None], keys: Sequence[str]
) -> Iterator[list[BucketAnswer]]:
    """Yield answers as they come, those together that came together. Ends early in an outage.

    A key begins when an earlier one's answer has been taken, and so saved: a crash repeats at most
    AT_ONCE calls.
    """
    left = deque(keys)
    running: set[Future[BucketAnswer | None]] = set()
    with ThreadPoolExecutor(AT_ONCE) as executor:
        while left or running:
            while left and len(running) < AT_ONCE:
                running.add(executor.submit(answer, left.popleft()))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            answers = [each.result() for each in ended]
            known = [each for each in answers if each is not None]
            if len(known) < len(answers):
                left.clear()
            yield known


def _answer(
    site: "Pipeline", bucket: "ConditionalS3", key: str, rate: "CallRate | None"
) -> BucketAnswer | None:
    """Return the answer for a key; None if a service does not answer."""
    try:
        picture = site.read(bucket.get_from(bucket.bucket, key, site.max_bytes))
        if rate is not None:
            rate.wait("DetectLabels")
        answer = site.answer(picture)
    except PictureRefused as error:  # by the detector, as it would be each time
        return _without_answer(key, f"The detector refuses it. {error.operator_message}")
    except Unavailable as error:
        log.warning("picture waits bucket=%s key=%r cause=%s", bucket.bucket, key, error)
        return None
    except FileNotFoundError:
        return _without_answer(key, "It was deleted since it was listed.")
    except DuckError as error:
        return _without_answer(key, f"{error.problem.title}. {error.problem.why}")
    verdict = answer.verdict
    boxes = [asdict(box) for box in verdict.boxes]
    return BucketAnswer(key, verdict.found, verdict.score, boxes, answer.engine, None)


def _without_answer(key: str, reason: str) -> BucketAnswer:
    return BucketAnswer(key, None, None, [], None, reason)


def _bucket(site: "Pipeline", name: str) -> "ConditionalS3":
    if site.open_bucket is None:
        raise Unavailable("This site is not connected to S3.")
    return site.open_bucket(name)


def _rate(site: "Pipeline", calls_a_second: float | None) -> "CallRate | None":
    if calls_a_second is None:
        return None
    from rubberduck.db.call_rates import CallRate

    return CallRate(site.results.database, "rekognition", calls_a_second)
