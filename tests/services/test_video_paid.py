"""Videos analysed for money at the fake: through the real steps, boto3's wire and moto's S3."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rubberduck.aws.custom_labels import CustomLabels
from rubberduck.aws.video import Channel, RekognitionVideo
from rubberduck.aws.video_notices import NoticeQueue
from rubberduck.billing.ledger import Ledger, Limits
from rubberduck.billing.spending import spent_on
from rubberduck.core.circuit_breaker import CircuitBreaker
from rubberduck.core.settings import Settings
from rubberduck.detectors import with_retries
from rubberduck.jobs.context import StepFailed
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_costs import VideoCosts
from rubberduck.services.video_paid import Order, PaidVideos
from rubberduck.services.video_paid_frames import analyze_frames
from rubberduck.services.video_paid_job import run_paid_analysis
from rubberduck.services.video_paid_steps import begin, start, wait_for_notice
from rubberduck.services.video_retention import delete_video
from rubberduck.videos.errors import AnalysisOver, CannotAskAmazon, PaidAnalysisRuns
from rubberduck.videos.keys import amazon_segments_key, rendered_key
from rubberduck.videos.models import Video
from rubberduck.videos.paid import CELEBRITIES, IMAGES, MODEL, WHOLE, PaidAnalysis
from rubberduck.videos.store import Videos
from tests.support.custom_labels import LOSE_ANSWER, FakeCustomLabels
from tests.support.hosting import add_amazon_model
from tests.support.job_steps import JobSteps
from tests.support.ready_videos import store_video
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.stored_videos import seen_celebrity, seen_label

ID = "a-video-of-22-letters_"
DOLLAR = 1_000_000
ROLE = "arn:aws:iam::123456789012:role/notices"


@pytest.fixture
def fake(custom_labels: FakeCustomLabels) -> FakeCustomLabels:
    custom_labels.clock.per_describe = 0
    custom_labels.clock.per_call = 1
    return custom_labels


@pytest.fixture
def site(
    s3: Any,
    fake: FakeCustomLabels,
    aws_settings: Settings,
    composed: Callable[..., Pipeline],
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    """As it is composed, but that its calls to Rekognition Video do not wait for each other."""
    monkeypatch.setattr(with_retries, "PAUSES", (0.0, 0.0))
    site = composed(aws_settings.model_copy(update={"rekognition_video": True}))
    once = Config(retries={"total_max_attempts": 1})
    service = RekognitionVideo(boto3.client("rekognition", config=once))
    assert site.amazon_video
    fast = replace(site.amazon_video, calls_per_second=1000.0, open_service=lambda: service)
    return replace(site, amazon_video=fast)


@pytest.fixture
def video(site: Pipeline) -> Video:
    """Eight seconds, analysed for free, in the bucket."""
    return store_video(site, ID)


@pytest.fixture
def paid(site: Pipeline) -> PaidVideos:
    return PaidVideos(site, JobQueue(site.results.database, 20))


def run(site: Pipeline, analysis: PaidAnalysis, **options: Any) -> Any:
    """Do the job in this process, from its begin to its end."""
    steps = steps_of(site, analysis, **options)
    return run_paid_analysis(steps, analysis.id, poll_seconds=30)


def steps_of(site: Pipeline, analysis: PaidAnalysis, **options: Any) -> Any:
    return JobSteps(site, **{"job_id": analysis.job_id or "", **options})


def spent(site: Pipeline) -> list[int]:
    assert site.open_ledger
    return [entry.microdollars for entry in site.open_ledger()[0].newest()]


def calls_billed(site: Pipeline) -> int:
    return spent_on(site.results.database, datetime.now(UTC))["Amazon Rekognition"].calls


def current(site: Pipeline) -> Video:
    return Videos(site.results.database).get(ID)


def test_frames_are_asked_once_each_and_their_answer_takes_the_place_of_the_free_one(
    site: Pipeline, paid: PaidVideos, video: Video, eyes: RekognitionEndpoint
) -> None:
    video = with_rendered(site, video)
    estimate = VideoCosts(site).require(video, IMAGES, 2.0)
    assert (estimate.calls, estimate.microdollars) == (17, 17_000)
    analysis = paid.start(video, Order(IMAGES, rate=2.0), "ada")
    with pytest.raises(PaidAnalysisRuns):
        paid.start(video, Order(CELEBRITIES), "ada")
    result = run(site, analysis)
    assert (result["found"], result["samples"]) == (True, 16)
    assert len(eyes.requests) == calls_billed(site) == 16  # of frames at 0, 0.5 … 7.5 s
    answered = current(site)
    assert answered.engine == "Amazon Rekognition"
    assert (answered.engine_version, answered.samples, answered.sample_rate) == ("3.0", 16, 2.0)
    assert (answered.found, answered.said) == (True, "Rubber duck detected! :))")
    seen = list(Videos(site.results.database).samples(ID))
    assert all(0 <= sample.seconds - number / 2 < 0.04 for number, sample in enumerate(seen))
    assert {label.name for label in seen[0].labels} >= {"Bird", "Toy"}
    assert answered.poster_key
    assert site.storage.get(f"videos/{ID}/frames/{seen[0].pts}.jpg")
    # The best frames of the old answer are gone, and their bytes.
    assert f"videos/{ID}/frames/150.jpg" not in frame_keys(site)
    assert answered.stored_bytes < video.stored_bytes + 10**6
    # What was rendered showed the boxes of the old answer.
    assert answered.rendered_key is None
    with pytest.raises(FileNotFoundError):
        site.storage.get(rendered_key(ID, "video/mp4"))
    assert paid.get(analysis.id, ID).state == "done"


def frame_keys(site: Pipeline) -> set[str]:
    return set(
        site.storage.keys_older_than(datetime.max.replace(tzinfo=UTC), [f"videos/{ID}/frames/"])
    )


def with_rendered(site: Pipeline, video: Video) -> Video:
    key = rendered_key(ID, "video/mp4")
    site.storage.put(key, b"with boxes", "video/mp4")
    Videos(site.results.database).update(ID, rendered_key=key, rendered_type="video/mp4")
    return replace(video, rendered_key=key)


def test_an_outage_is_waited_for_and_what_was_paid_is_not_paid_again(
    site: Pipeline, paid: PaidVideos, video: Video, eyes: RekognitionEndpoint
) -> None:
    eyes.faults.extend(["ThrottlingException"] * 3)  # botocore repeats them, then we do
    analysis = paid.start(video, Order(IMAGES, rate=1.0), "ada")
    steps = steps_of(site, analysis)
    steps.step("begin", begin, analysis.id)
    eyes.always = "AccessDeniedException"
    assert (
        "allow rekognition:DetectLabels"
        in steps.step("frames", analyze_frames, analysis.id)["wait"]
    )
    assert calls_billed(site) == 0
    eyes.always = None
    assert site.amazon_video  # the next step is another process, whose circuit is closed
    site.amazon_video.detector.circuit = CircuitBreaker("DetectLabels")  # type: ignore[attr-defined]
    assert "done" in steps.step("frames", analyze_frames, analysis.id)
    assert calls_billed(site) == 8
    eyes.always = "InternalServerError"  # nothing is asked any more
    assert run(site, analysis)["samples"] == 8
    assert calls_billed(site) == 8


def test_a_spent_budget_ends_it_in_words_and_another_try_goes_on(
    site: Pipeline, paid: PaidVideos, video: Video, eyes: RekognitionEndpoint
) -> None:
    amazon = site.amazon_video
    assert amazon
    analysis = paid.start(video, Order(IMAGES, rate=5.0), "ada")
    budget = amazon.detector.detector.budget  # type: ignore[attr-defined]
    for _ in range(budget.daily - 3):
        budget.reserve()
    with pytest.raises(StepFailed, match="Today's budget is used up"):
        run(site, analysis)
    failed = paid.get(analysis.id, ID)
    assert (failed.state, "budget" in str(failed.error)) == ("failed", True)
    assert current(site).engine == video.engine
    assert len(list(Videos(site.results.database).samples(analysis.id))) <= 3
    with pytest.raises(CannotAskAmazon, match="41 calls, and the budget has 0 left"):
        paid.start(current(site), Order(IMAGES, rate=5.0), "ada")
    rich = replace(budget, daily=10_000)
    amazon.detector.detector.budget = rich  # type: ignore[attr-defined]
    paid.queue.store.cancel(analysis.job_id or "")
    paid.retry(analysis.id, video)
    assert run(site, analysis)["samples"] == 40
    assert len([request for request in eyes.requests if request]) <= 40 + 3


@pytest.mark.parametrize(
    ("changes", "order", "reason"),
    [
        ({"copy_type": "video/webm"}, Order(WHOLE), "only H.264 in MP4"),
        ({"copy_key": None}, Order(IMAGES), "No copy"),
        ({}, Order(IMAGES, rate=99.0), "from 0.05 to 30"),
        ({}, Order("aws"), "rekognition-images, custom-labels"),
        ({}, Order(MODEL, model="none"), "start it first"),
        ({}, Order(IMAGES, question="cats"), "may be: rubber-duck"),
        ({}, Order(IMAGES, most=1000), "higher than the one"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(
    site: Pipeline,
    paid: PaidVideos,
    video: Video,
    changes: dict[str, Any],
    order: Order,
    reason: str,
) -> None:
    with pytest.raises(CannotAskAmazon, match=reason):
        paid.start(replace(video, **changes), order, "ada")
    assert paid.of_video(ID) == []


LABELS = [
    *(seen_label(ms, "Duck", 95.0, box=True, parents=["Bird"]) for ms in range(1000, 3001, 500)),
    *(seen_label(ms, "Bird", 95.0) for ms in range(1000, 3001, 500)),
    *(seen_label(ms, "Toy", 80.0) for ms in range(1000, 3001, 500)),
    seen_label(6000, "Water", 60.0),
    seen_label(6500, "Water", 40.0),
]


def test_a_whole_video_is_started_once_though_every_step_is_killed_and_every_answer_is_lost(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    fake.videos.labels = LABELS
    for operation in ("StartLabelDetection", "GetLabelDetection"):
        fake.faults.order(operation, LOSE_ANSWER)
    analysis = paid.start(video, Order(WHOLE), "ada")
    names = {"begin", *(f"{name} {n}" for name in ("start", "follow", "fetch") for n in range(4))}
    twice = frozenset({*names, "finish 0"})
    result = run(site, analysis, twice=twice, sleep=fake.advance)
    assert list(fake.videos.jobs) == [paid.get(analysis.id, ID).remote_id]
    assert spent(site) == [100_000]  # one minute
    assert fake.videos.minutes["StartLabelDetection"] == 1
    assert result["found"]
    samples = list(Videos(site.results.database).samples(ID))
    assert [sample.seconds for sample in samples] == [number / 2 for number in range(16)]
    seen = [sample.seconds for sample in samples if sample.labels]
    assert seen == [1.0, 1.5, 2.0, 2.5, 3.0, 6.0, 6.5]
    assert len(samples[2].labels[0].boxes) == 1
    answered = current(site)
    assert answered.info
    assert samples[2].pts == answered.info.start_pts + round(1 / answered.info.time_base)
    stretches = json.loads(site.storage.get(amazon_segments_key(ID)))
    assert stretches[0] == ["Duck", 95.0, 1.0, 3.5]
    assert ["Water", 60.0, 6.0, 7.0] in stretches
    assert paid.get(analysis.id, ID).engine_version == "3.0"


def test_celebrities_are_kept_beside_the_answer(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    fake.videos.celebrities = [
        seen_celebrity(ms, name, 90.0 + ms / 1000)
        for name, times in {"Ada L": (0, 500, 1000, 6000), "Grace H": (2000,)}.items()
        for ms in times
    ]
    analysis = paid.start(video, Order(CELEBRITIES), "ada")
    result = run(site, analysis, sleep=fake.advance)
    assert result == {"celebrities": ["Ada L", "Grace H"]}
    assert current(site) == video
    done = paid.get(analysis.id, ID)
    ada = (done.answer or {})["celebrities"][0]
    assert (ada["times"], ada["confidence"]) == ([[0.0, 1.0], [6.0, 6.0]], 96.0)
    assert ada["urls"] == ["https://www.imdb.com/name/Ad"]
    assert spent(site) == [100_000]


def test_what_amazon_refuses_costs_nothing_and_what_fails_there_can_be_tried_again(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    fake.faults.order("StartLabelDetection", "AccessDeniedException")
    analysis = paid.start(video, Order(WHOLE), "ada")
    with pytest.raises(StepFailed, match="allow rekognition:StartLabelDetection"):
        run(site, analysis)
    assert spent(site) == []
    fake.videos.error = "The frames cannot be decoded."
    with pytest.raises(StepFailed, match="could not analyse it: The frames cannot be decoded"):
        run(site, analysis, sleep=fake.advance)
    assert spent(site) == [100_000]  # nobody says whether it is billed
    assert current(site) == video
    fake.videos.error = None
    fake.videos.labels = LABELS
    fake.faults.order("StartLabelDetection", "LimitExceededException")
    steps = steps_of(site, analysis, sleep=fake.advance)
    assert run_paid_analysis(steps, analysis.id, poll_seconds=30)["found"]
    assert "20 videos of this account" in steps.log
    assert spent(site) == [100_000, 100_000]
    assert len(fake.videos.jobs) == 2


def test_the_limit_on_spending_is_kept(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    assert site.open_ledger
    _, prices = site.open_ledger()
    analysis = paid.start(video, Order(WHOLE), "ada")
    poor = Ledger(site.results.database, Limits(daily=50_000, monthly=DOLLAR))
    broke = replace(site, open_ledger=lambda: (poor, prices))
    with pytest.raises(StepFailed, match=r"limit of \$0.05"):
        run(broke, analysis)
    assert fake.videos.jobs == {}
    (whole,) = [each for each in VideoCosts(broke).choices(video) if each.way == WHOLE]
    assert whole.problem
    assert "$0.05" in whole.problem


def test_an_expired_token_of_a_page_begins_the_list_again(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    fake.throttle.rate = 1000
    fake.videos.labels = [
        {"Timestamp": 500 * (n // 100), "Label": {"Name": f"Label {n % 100}", "Confidence": 90.0}}
        for n in range(1600)
    ]
    analysis = paid.start(video, Order(WHOLE), "ada")
    # The second page of the labels, after one of the stretches, comes too late.
    fake.faults.ordered["GetLabelDetection"].extend(["", "", "", "InvalidPaginationTokenException"])
    run(site, analysis, sleep=fake.advance)
    samples = list(Videos(site.results.database).samples(ID))
    assert sum(len(sample.labels) for sample in samples) == 1600
    assert len({sample.pts for sample in samples}) == 16


def test_a_notice_ends_the_wait_and_others_are_left_or_thrown_away(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    url = sqs.create_queue(QueueName="notices")["QueueUrl"]
    topic = sns.create_topic(Name="notices")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    fake.videos.publish = lambda topic, message: sns.publish(TopicArn=topic, Message=message)
    assert site.amazon_video
    assert site.amazon_video.open_service
    service = site.amazon_video.open_service()
    service.channel = Channel(topic, ROLE)
    notices = NoticeQueue(boto3.client("sqs"), url)
    site = replace(site, amazon_video=replace(site.amazon_video, open_notices=lambda: notices))
    fake.videos.labels = LABELS
    analysis = paid.start(video, Order(WHOLE), "ada")

    steps = steps_of(site, analysis)
    steps.step("begin", begin, analysis.id)
    steps.step("start", start, analysis.id)
    for body in ("no notice", json.dumps({"JobId": "of nobody"})):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert not steps.step("notice", wait_for_notice, analysis.id, 0.5)
    fake.advance(60)
    assert steps.step("notice", wait_for_notice, analysis.id, 60)
    assert notices.receive() == []
    assert run(site, analysis)["found"]
    # A queue that is gone is no reason to fail.
    sqs.delete_queue(QueueUrl=url)
    assert not steps.step("notice", wait_for_notice, analysis.id, 0)
    sns.delete_topic(TopicArn=topic)


def test_a_cancelled_one_says_that_amazon_goes_on(
    site: Pipeline, paid: PaidVideos, video: Video, fake: FakeCustomLabels
) -> None:
    analysis = paid.start(video, Order(WHOLE), "ada")
    steps = steps_of(site, analysis)
    steps.step("begin", begin, analysis.id)
    steps.step("start", start, analysis.id)
    cancelled = paid.cancel(analysis.id, ID)
    assert (cancelled.state, cancelled.error) == (
        "cancelled",
        "Cancelled here. Amazon cannot be told to stop: its analysis goes on, and is billed.",
    )
    with pytest.raises(AnalysisOver):
        paid.cancel(analysis.id, ID)
    with pytest.raises(StepFailed, match="cancelled or deleted"):
        steps_of(site, analysis, job_id="another").step("begin", begin, analysis.id)
    paid.retry(analysis.id, video)
    fake.videos.labels = LABELS
    assert run(site, analysis, sleep=fake.advance)["found"]
    assert len(fake.videos.jobs) == 1
    # One whose job was cancelled on the page of jobs is noted when somebody looks.
    other = paid.start(current(site), Order(CELEBRITIES), "ada")
    paid.queue.store.cancel(other.job_id or "")
    assert [each.state for each in paid.of_video(ID)] == ["cancelled", "done"]


def test_a_deleted_video_takes_its_paid_analyses_with_it(
    site: Pipeline, paid: PaidVideos, video: Video
) -> None:
    analysis = paid.start(video, Order(IMAGES), "ada")
    steps = steps_of(site, analysis)
    steps.step("begin", begin, analysis.id)
    steps.step("frames", analyze_frames, analysis.id)
    delete_video(site.results.database, site.storage, ID)
    assert paid.queue.get(analysis.job_id or "").state == "cancelled"
    assert paid.of_video(ID) == []
    assert list(Videos(site.results.database).samples(analysis.id)) == []
    with pytest.raises(StepFailed):
        steps.step("frames", analyze_frames, analysis.id)


def test_a_running_model_is_asked_about_frames_and_its_question_takes_over(
    site: Pipeline,
    paid: PaidVideos,
    video: Video,
    fake: FakeCustomLabels,
    aws_settings: Settings,
    composed: Callable[..., Pipeline],
) -> None:
    own = composed(aws_settings.model_copy(update={"custom_labels": True}))
    once = Config(retries={"total_max_attempts": 1})
    service = CustomLabels(boto3.client("rekognition", config=once))
    own = replace(own, open_custom_labels=lambda: service)
    running: dict[str, Any] = {"state": "RUNNING", "should_run": True, "labels": [["1", "mug"]]}
    add_amazon_model(own.results.database, fake, "v1", **running)
    version = fake.version("v1")
    version.become("RUNNING")
    sides = {"Width": 0.2, "Height": 0.3, "Left": 0.1, "Top": 0.1}
    found = {"Name": "mug", "Confidence": 90.0, "Geometry": {"BoundingBox": sides}}
    fake.world.detections = [found]
    paid = PaidVideos(own, paid.queue)
    (model,) = VideoCosts(own).models()
    analysis = paid.start(video, Order(MODEL, rate=1.0, model=model.project_id), "ada")
    result = run(own, analysis)
    assert (result["found"], result["distinct"], result["samples"]) == (True, 1, 8)
    assert fake.calls["DetectCustomLabels"] == 8
    answered = current(own)
    assert (answered.model, answered.engine) == (model.project_id, "mugs")
    assert answered.question == "Is there one of mugs in this image?"
    assert spent(own) == []  # the running model's meter bills it
    # One that was stopped meanwhile ends the job in words.
    again = paid.start(answered, Order(MODEL, rate=2.0, model=model.project_id), "ada")
    version.become("STOPPED")
    with pytest.raises(StepFailed, match="is stopped"):
        run(own, again)
