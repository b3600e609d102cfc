"""What analysing a video for money would cost and take, told before it is started."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.video_costs import Estimate, VideoCosts
from rubberduck.videos.errors import CannotAskAmazon, VideoNotReady
from rubberduck.videos.models import FAILED, Video
from rubberduck.videos.paid import CELEBRITIES, IMAGES, MODEL, WHOLE
from tests.support.hosting import add_model
from tests.support.ready_videos import samples, store_video

HOUR = 3600
CENT = 10_000
ARN = "arn:aws:rekognition:eu-central-1:123456789012:project/duck-mugs/version/v1/1764000000000"


@pytest.fixture
def site(s3: Any, aws_settings: Settings, composed: Callable[..., Pipeline]) -> Pipeline:
    more = {"rekognition_video": True, "custom_labels": True}
    return composed(aws_settings.model_copy(update=more))


def an_hour(site: Pipeline) -> Video:
    cut = [replace(sample, is_cut=sample.pts in (25, 100)) for sample in samples()]
    video = store_video(site, "an-hour", cut)
    assert video.info
    return replace(video, info=replace(video.info, seconds=float(HOUR)))


def by_way(estimates: list[Estimate]) -> dict[tuple[str, float | None], Estimate]:
    return {(each.way, each.rate): each for each in estimates}


def test_an_hour_has_a_price_and_a_time_for_each_way(site: Pipeline) -> None:
    video = an_hour(site)
    found = by_way(VideoCosts(site).choices(video))
    assert list(found) == [
        *((IMAGES, rate) for rate in (0.2, 0.5, 1.0, 2.0, 5.0)),
        (WHOLE, None),
        (CELEBRITIES, None),
    ]
    most = found[IMAGES, 5.0]  # 18,000 regular frames, the first one, and two cuts
    assert (most.calls, most.microdollars, most.is_about) == (18_003, 1_800 * CENT + 3_000, False)
    assert most.seconds == pytest.approx(18_003 / 4)  # 80 % of 5 calls a second
    assert most.problem
    assert "18,003 calls, and the budget has 1,000 left" in most.problem
    assert found[IMAGES, 0.2].calls == 723
    assert found[IMAGES, 0.2].problem is None
    whole = found[WHOLE, None]
    assert (whole.minutes, whole.microdollars, whole.is_about) == (60, 600 * CENT, True)
    assert (whole.calls, whole.problem) == (0, None)
    with pytest.raises(CannotAskAmazon, match="18,003 calls"):
        VideoCosts(site).require(video, IMAGES, 5.0)


def test_a_running_model_can_be_asked_and_its_hours_are_told(site: Pipeline) -> None:
    video, database = an_hour(site), site.results.database
    running: dict[str, Any] = {
        "state": "RUNNING",
        "should_run": True,
        "units": 2,
        "labels": [["1", "mug"]],
    }
    add_model(database, "v1", arn=ARN, project_arn="arn", **running)
    add_model(database, "v2", arn=ARN, project_arn="arn", number=2)  # stopped
    models = [each for each in VideoCosts(site).choices(video) if each.way == MODEL]
    assert {(each.model, each.model_name) for each in models} == {("mugs------------", "mugs")}
    fast = models[-1]
    assert (fast.rate, fast.calls) == (5.0, 18_003)
    assert fast.seconds == pytest.approx(18_003 / 8)  # 80 % of 5 calls a second and unit
    assert fast.microdollars == pytest.approx(18_003 / 8 / HOUR * 2 * 400 * CENT, abs=1)
    assert fast.is_about


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"copy_type": "video/webm"}, "only H.264"),
        ({"codec": "av1"}, "only H.264"),
        ({"seconds": 7.0 * HOUR}, "6 hours and 10 GB"),
        ({"stored_bytes": 10_000_000_001}, "6 hours and 10 GB"),
    ],
)
def test_a_whole_video_that_amazon_does_not_take_says_why(
    site: Pipeline, changes: dict[str, Any], reason: str
) -> None:
    video = an_hour(site)
    assert video.info
    inside = {name: changes.pop(name) for name in ("codec", "seconds") if name in changes}
    video = replace(video, info=replace(video.info, **inside), **changes)
    found = by_way(VideoCosts(site).choices(video))
    assert reason in str(found[WHOLE, None].problem)


def test_narrow_pictures_and_unready_videos_are_refused(site: Pipeline) -> None:
    video = an_hour(site)
    assert video.info
    narrow = replace(video, info=replace(video.info, height=79))
    with pytest.raises(CannotAskAmazon, match="less than 80 pixels"):
        VideoCosts(site).require(narrow, IMAGES, 1.0)
    with pytest.raises(VideoNotReady):
        VideoCosts(site).choices(replace(video, status=FAILED))


def test_without_a_bucket_only_frames_are_offered_and_switched_off_nothing(
    settings: Settings, composed: Callable[..., Pipeline], eyes: Any
) -> None:
    frames_only = composed(settings.model_copy(update={"engine": "rekognition"}))
    video = store_video(frames_only, "v")
    assert {each.way for each in VideoCosts(frames_only).choices(video)} == {IMAGES}
    off = composed(settings)
    assert VideoCosts(off).choices(video) == []
    with pytest.raises(CannotAskAmazon, match="switched off"):
        VideoCosts(off).require(video, IMAGES)
    with pytest.raises(CannotAskAmazon, match="Video is switched off"):
        VideoCosts(frames_only).require(video, WHOLE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rekognition_video": True}, "DUCK_REKOGNITION_VIDEO needs DUCK_BUCKET"),
        ({"video_queue": "https://sqs.eu-central-1.amazonaws.com/1/q"}, "belong together"),
    ],
)
def test_settings_that_lack_something_are_refused(
    settings: Settings, composed: Callable[..., Pipeline], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSettings, match=words):
        composed(settings.model_copy(update=changes))
