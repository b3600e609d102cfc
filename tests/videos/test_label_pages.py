"""Pages of labels: all of them, each once, whatever the size of the pages."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rubberduck.core.errors import InvalidCursor
from rubberduck.core.models import Label
from rubberduck.db.results import Results
from rubberduck.videos.label_pages import LabelPage, LabelQuery, segments_page, timestamps_page
from rubberduck.videos.models import Sample
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import label_segments
from tests.support.analysed_videos import begin_video, random_samples

ids = count()


def entries(read: Callable[[str | None], LabelPage[Any]]) -> Iterator[Any]:
    """Yield the entries of all pages."""
    page = read(None)
    yield from page.entries
    while page.next is not None:
        page = read(page.next)
        yield from page.entries


def test_a_hundred_thousand_labels_page_without_loss_or_double(any_results: Results) -> None:
    names = [f"Label {number}" for number in range(70)]
    samples = list(random_samples(0, 2_400, names))
    video = begin_video(any_results.database, samples)
    videos = Videos(any_results.database)
    found = [
        (each.pts, each.label.name)
        for each in entries(
            lambda token: timestamps_page(videos, video.id, LabelQuery(1000, token))
        )
    ]
    assert len(found) >= 100_000
    assert found == [(sample.pts, each.name) for sample in samples for each in sample.labels]


def test_segments_page_without_loss_or_double(any_results: Results) -> None:
    samples = list(random_samples(1, 1_000, ["Bird", "Toy", "Water", "a label: with blanks"]))
    video = begin_video(any_results.database, samples)
    assert video.info
    seconds, videos = video.info.seconds, Videos(any_results.database)
    found = tuple(
        entries(lambda token: segments_page(videos, video.id, LabelQuery(100, token), seconds))
    )
    stored = list(videos.samples(video.id))
    assert found == label_segments(stored, seconds)
    assert len(found) > 900


labels = st.lists(
    st.builds(Label, st.sampled_from("abc"), st.sampled_from([30.0, 60.0])),
    unique_by=lambda label: label.name,
    max_size=3,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(labels, max_size=130), st.integers(1, 7), st.sampled_from([0.0, 50.0]))
def test_pages_of_any_size_are_the_whole(
    results: Results, seen: list[list[Label]], limit: int, least: float
) -> None:
    samples = [Sample(n, n / 5, tuple(found)) for n, found in enumerate(seen)]
    video = begin_video(results.database, samples, id=f"video {next(ids)}")
    assert video.info
    seconds, videos = video.info.seconds, Videos(results.database)

    def query(token: str | None) -> LabelQuery:
        return LabelQuery(limit, token, min_confidence=least)

    segments = entries(lambda token: segments_page(videos, video.id, query(token), seconds))
    assert tuple(segments) == label_segments(samples, seconds, least)
    timestamps = entries(lambda token: timestamps_page(videos, video.id, query(token)))
    assert [(each.pts, each.label) for each in timestamps] == [
        (sample.pts, label)
        for sample in samples
        for label in sample.labels
        if label.confidence >= least
    ]


def test_labels_of_one_name(results: Results) -> None:
    video = begin_video(results.database, random_samples(2, 300, ["Bird", "Toy"]))
    assert video.info
    videos, query = Videos(results.database), LabelQuery(1000, name="Bird", min_confidence=50)
    page = segments_page(videos, video.id, query, video.info.seconds)
    whole = label_segments(videos.samples(video.id), video.info.seconds, 50)
    assert page.entries == tuple(each for each in whole if each.label == "Bird")
    named = {each.label.name for each in timestamps_page(videos, video.id, query).entries}
    assert named == {"Bird"}


@pytest.mark.parametrize("token", ["", "quack", "ü", "A" * 5000, "dCAxIDIgLTM", "dCAxIDI", "/w=="])
def test_a_made_up_token_is_refused(results: Results, token: str) -> None:
    video = begin_video(results.database, random_samples(3, 10, ["Bird"]))
    query = LabelQuery(10, token)
    with pytest.raises(InvalidCursor):
        timestamps_page(Videos(results.database), video.id, query)
    with pytest.raises(InvalidCursor):
        segments_page(Videos(results.database), video.id, query, 2.0)


def test_a_token_of_the_other_kind_is_refused(results: Results) -> None:
    video = begin_video(results.database, random_samples(3, 10, ["Bird", "Toy"]))
    videos = Videos(results.database)
    by_time = timestamps_page(videos, video.id, LabelQuery(1)).next
    by_segment = segments_page(videos, video.id, LabelQuery(1), 2.0).next
    assert by_time
    assert by_segment
    with pytest.raises(InvalidCursor):
        segments_page(videos, video.id, LabelQuery(1, by_time), 2.0)
    with pytest.raises(InvalidCursor):
        timestamps_page(videos, video.id, LabelQuery(1, by_segment))
