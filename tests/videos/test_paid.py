"""The rows of paid analyses: one at a time, and the free answer stays until another is whole."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rubberduck.core.models import Label
from rubberduck.db.engine import Database
from rubberduck.videos.errors import NoSuchPaidAnalysis, PaidAnalysisRuns
from rubberduck.videos.models import ANALYSING, READY, Sample, Segment
from rubberduck.videos.paid import (
    CANCELLED,
    DONE,
    PaidAnalyses,
)
from rubberduck.videos.store import Videos
from tests.support.analysed_videos import paid_analysis
from tests.support.ready_videos import sample_video

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(ready_database_url: str) -> Iterator[Database]:
    database = Database(ready_database_url)
    yield database
    database.close()


@pytest.fixture
def videos(database: Database) -> Videos:
    videos = Videos(database)
    videos.create(sample_video("video", status=ANALYSING, job_id="free"))
    videos.add_segment("video", "free", segment(0, 0.0, "Bird"))
    videos.update("video", status=READY)
    return videos


def segment(number: int, seconds: float, *names: str) -> Segment:
    labels = tuple(Label(name, 90.0) for name in names)
    return Segment(number, 100, (Sample(int(90 * seconds), seconds, labels),))


def names(videos: Videos) -> list[str]:
    return [label.name for sample in videos.samples("video") for label in sample.labels]


def test_a_whole_answer_takes_the_place_of_the_free_one_at_once(
    database: Database, videos: Videos
) -> None:
    paid = PaidAnalyses(database)
    paid.create(paid_analysis())
    assert paid.get("paid", "video") == paid.of_video("video")[0]
    with pytest.raises(PaidAnalysisRuns):
        paid.create(paid_analysis("other"))
    paid.set_job("paid", "job")
    assert paid.begin("paid", "another job") is None
    begun = paid.begin("paid", "job")
    assert begun
    assert paid.add_segment("paid", "job", segment(0, 0.0, "Duck"))
    assert not paid.add_segment("paid", "job", segment(0, 0.0, "Duck"))  # another run was faster
    assert not paid.add_segment("paid", "another job", segment(1, 1.0, "Duck"))
    assert paid.add_segment("paid", "job", segment(1, 1.0, "Duck", "Toy"))
    assert names(videos) == ["Bird"]
    values = {"engine": "Amazon Rekognition", "distinct": 1}
    assert paid.finish(begun, "job", "3.0", values)
    assert not paid.finish(begun, "job", "3.0", values)
    assert names(videos) == ["Duck", "Duck", "Toy"]
    assert len(list(videos.segments("video"))) == 1  # joined
    assert videos.get("video").engine == "Amazon Rekognition"
    done = paid.get("paid")
    assert (done.state, done.engine_version, done.answer) == (DONE, "3.0", None)
    paid.create(paid_analysis("again"))


def test_what_is_cancelled_changes_nothing_and_goes_on_after_its_last_segment(
    database: Database, videos: Videos
) -> None:
    paid = PaidAnalyses(database)
    paid.create(paid_analysis(job_id="job"))
    paid.begin("paid", "job")
    assert paid.add_segment("paid", "job", segment(0, 0.0, "Duck"))
    assert paid.fail("paid", "job", "x" * 1000, cancelled=True)
    cancelled = paid.get("paid")
    assert (cancelled.state, len(cancelled.error or "")) == (CANCELLED, 500)
    assert not paid.add_segment("paid", "job", segment(1, 1.0, "Duck"))
    assert not paid.finish(cancelled, "job", None, {"distinct": 9})
    assert names(videos) == ["Bird"]
    assert paid.requeue("paid", "job")
    assert paid.begin("paid", "job")
    assert Videos(database).last_segment("paid") == segment(0, 0.0, "Duck")
    assert paid.add_segment("paid", "job", segment(1, 1.0, "Duck"))
    videos.mark_deleting("video")
    assert not paid.finish(cancelled, "job", None, {"distinct": 9})  # it is being deleted
    videos.forget("video")
    assert Videos(database).last_segment("paid") is None
    with pytest.raises(NoSuchPaidAnalysis):
        paid.get("paid")


def test_a_start_is_known_by_its_token_and_found_by_the_service_s_id(
    database: Database, videos: Videos
) -> None:
    paid = PaidAnalyses(database)
    paid.create(paid_analysis(job_id="job", token="first"))
    assert paid.set_remote("paid", "first", "remote-1")
    assert paid.hint("remote-1") == ["paid"]
    assert paid.hint("remote\0") == paid.hint("remote-2") == []
    assert paid.renew_token("paid", "first")
    assert not paid.renew_token("paid", "first")
    assert not paid.set_remote("paid", "first", "remote-1")  # a late answer
    assert paid.get("paid").remote_id is None
    with pytest.raises(NoSuchPaidAnalysis):
        paid.get("paid", "another video")
