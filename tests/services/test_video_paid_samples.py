"""Which frames are paid for, and what Rekognition Video's lists become."""

from collections.abc import Iterable
from fractions import Fraction

import pytest
from PIL import Image

from rubberduck.aws.video import TimedLabel
from rubberduck.core.models import Label
from rubberduck.services.video_paid_samples import chosen_frames, people_of, samples_of
from rubberduck.videos.models import VideoInfo
from rubberduck.videos.reading import Frame
from tests.support.stored_videos import seen_people

IMAGE = Image.new("RGB", (8, 8))
INFO = VideoInfo("mp4", "h264", 64, 48, 4.0, Fraction(1, 1000), 7, 25.0, None)


def frames(*times: float, cuts: Iterable[float] = ()) -> list[Frame]:
    return [Frame(round(1000 * at), at, IMAGE, at in cuts, 0) for at in times]


@pytest.mark.parametrize(
    ("rate", "last", "chosen"),
    [
        (1.0, None, [0.0, 1.04, 1.3, 2.0, 3.0]),
        (2.0, None, [0.0, 0.5, 1.04, 1.3, 1.7, 2.0, 3.0]),
        (0.5, None, [0.0, 1.3, 2.0]),
        (1.0, 1.04, [1.3, 2.0, 3.0]),  # it goes on after the frame at 1.04 s
        (1.0, 1.3, [1.3, 2.0, 3.0]),
    ],
)
def test_the_first_frame_of_each_interval_and_those_at_cuts_are_paid(
    rate: float, last: float | None, chosen: list[float]
) -> None:
    read = frames(0.0, 0.2, 0.5, 1.04, 1.3, 1.7, 2.0, 2.4, 3.0, 3.4, cuts=[1.3])
    rest = [frame for frame in read if last is None or frame.seconds >= 1.3]
    assert [frame.seconds for frame in chosen_frames(rest, rate, last)] == chosen


def timed(*times: float) -> list[TimedLabel]:
    return [TimedLabel(at, Label("Duck", 90.0)) for at in times]


@pytest.mark.parametrize(
    ("listed", "all_moments"),
    [
        ([1.0, 1.5, 2.0, 3.5], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]),
        ([0.0, 0.2, 0.4, 1.0], [0.2 * number for number in range(20)]),
        ([], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]),
        ([3.0], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]),
    ],
)
def test_moments_at_which_nothing_was_seen_are_added(
    listed: list[float], all_moments: list[float]
) -> None:
    samples = list(samples_of(timed(*listed), INFO))
    assert [sample.seconds for sample in samples] == pytest.approx(all_moments)
    assert [sample.seconds for sample in samples if sample.labels] == listed
    assert [sample.pts for sample in samples] == [
        7 + round(1000 * sample.seconds) for sample in samples
    ]


def test_labels_of_one_moment_are_one_sample_and_cuts_are_marked_once() -> None:
    both = [TimedLabel(0.5, Label(name, 90.0)) for name in ("Duck", "Toy")]
    samples = list(samples_of([*timed(0.0), *both, *timed(1.0, 2.5)], INFO, cuts=[0.7, 2.1]))
    assert [label.name for label in samples[1].labels] == ["Duck", "Toy"]
    assert [sample.seconds for sample in samples if sample.is_cut] == [1.0, 2.5]


def test_a_celebrity_is_listed_once_with_stretches_of_time() -> None:
    grace, ada = people_of(seen_people())
    assert (grace["name"], grace["times"]) == ("Grace H", [[0.0, 0.0]])
    assert (ada["name"], ada["times"]) == ("Ada L", [[65.0, 66.0], [70.0, 70.0]])
