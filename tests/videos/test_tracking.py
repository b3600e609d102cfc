"""Objects are followed: through crossings, occlusion, shake and cuts, at any rate of samples."""

import pytest

from rubberduck.core.models import Box
from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.videos.models import Track
from rubberduck.videos.timeline import judge_video
from rubberduck.videos.tracking import Detection, Observation, follow
from tests.support.moving_objects import KINDS, SECONDS, make_clip, mistakes

RATE = 5


def box(x: float, y: float = 0.5, label: str = "Duck", size: float = 0.2) -> Box:
    return Box(x - size / 2, y - size / 2, size, size, label, 90.0)


def seen(*moments: tuple[float, list[Box]], cuts: tuple[float, ...] = ()) -> list[Observation]:
    """Return observations at these seconds."""
    return [
        Observation(
            round(1000 * seconds),
            seconds,
            0.2,
            tuple(Detection(each, each.confidence) for each in boxes),
            is_cut=seconds in cuts,
        )
        for seconds, boxes in moments
    ]


def times(tracks: tuple[Track, ...]) -> list[tuple[float, float]]:
    return [(track.first_seconds, track.last_seconds) for track in tracks]


@pytest.mark.parametrize("seed", range(20))
def test_clips_of_all_kinds(seed: int) -> None:
    """tests/soak/test_tracking.py has two hundred."""
    clip = make_clip(seed)
    verdict = judge_video(RUBBER_DUCK, clip.samples, end_seconds=SECONDS)
    assert mistakes(clip, verdict.tracks) == [], clip.kinds


def test_the_clips_have_all_kinds_and_misses() -> None:
    clips = [make_clip(seed) for seed in range(20)]
    assert {kind for clip in clips for kind in clip.kinds} == set(KINDS)
    assert all(len(clip.samples) == SECONDS * RATE for clip in clips)
    assert any(clip.unclear for clip in clips)
    longest = max((keys for clip in clips for keys in clip.truth.values()), key=len)
    assert len({pts for pts, _, _ in longest}) < longest[-1][0] - longest[0][0] + 1


@pytest.mark.parametrize(("gap", "objects"), [(1.0, 1), (2.0, 1), (2.2, 2), (5.0, 2)])
def test_what_is_away_for_more_than_two_seconds_counts_anew(gap: float, objects: int) -> None:
    here = [(step / RATE, [box(0.5)]) for step in range(10)]
    away = [(1.8 + step / RATE, list[Box]()) for step in range(1, round(gap * RATE))]
    back = [(1.8 + gap + step / RATE, [box(0.5)]) for step in range(10)]
    assert len(follow(seen(*here, *away, *back))) == objects


def test_a_cut_ends_all_tracks() -> None:
    moments = [(step / RATE, [box(0.5)]) for step in range(20)]
    assert times(follow(seen(*moments, cuts=(2.0,)))) == [(0.0, 1.8), (2.0, 3.8)]


def test_fast_objects_whose_boxes_never_overlap() -> None:
    """A picture's width in less than two seconds, and another one the other way."""
    moments = [
        (step / RATE, [box(0.12 * step, 0.2, size=0.1), box(1 - 0.12 * step, 0.7, size=0.1)])
        for step in range(9)
    ]
    tracks = follow(seen(*moments))
    assert times(tracks) == [(0.0, 1.6), (0.0, 1.6)]
    assert {len({each.box.top for each in track.sightings if each.box}) for track in tracks} == {1}


def test_a_false_box_where_an_object_comes_in_soon_after_is_not_its_first() -> None:
    still, moved = [box(0.3, 0.2), box(0.7, 0.2)], [box(0.26, 0.16), box(0.66, 0.16)]
    came_in = [(1.0 + step / RATE, [*moved, box(0.08 + 0.05 * step, 0.7)]) for step in range(10)]
    tracks = follow(seen((0.4, still), (0.6, [*still, box(0.15, 0.74)]), (0.8, moved), *came_in))
    assert times(tracks) == [(0.4, 2.8), (0.4, 2.8), (1.0, 2.8)]


def test_samples_that_are_far_apart_are_joined_too() -> None:
    """With DUCK_VIDEO_RATE=0.1 there are ten seconds between them; one without it ends it."""
    moments = [(10.0 * step, [box(0.5)]) for step in range(3)]
    moments += [(30.0, []), (40.0, [box(0.5)]), (50.0, [box(0.5)])]
    assert times(follow(seen(*moments))) == [(0.0, 20.0), (40.0, 50.0)]


def test_weak_boxes_continue_a_track_and_begin_none() -> None:
    weak = [
        Observation(1000 * step, float(step), 1.0, (Detection(box(0.5), 20.0, is_strong=False),))
        for step in range(2, 7)
    ]
    strong = seen(*[(float(step), [box(0.5)]) for step in (0, 1, 7, 8)])
    (track,) = follow([*strong[:2], *weak, *strong[2:]])
    assert (track.first_seconds, track.last_seconds, len(track.sightings)) == (0.0, 8.0, 9)
    assert track.score == 90.0  # of what counts
    assert follow(weak) == ()


def test_a_track_is_called_what_it_was_called_most() -> None:
    names = ["mug", "mug", "cup", "mug"]
    moments = [(step / RATE, [box(0.5, label=name)]) for step, name in enumerate(names)]
    (track,) = follow(seen(*moments))
    assert track.label == "mug"


def test_the_best_frame_is_sure_large_and_whole() -> None:
    at_the_edge = Box(0.0, 0.3, 0.2, 0.2, "Duck", 99.0)
    small, large = Box(0.1, 0.3, 0.18, 0.18, "Duck", 90.0), Box(0.1, 0.3, 0.2, 0.2, "Duck", 90.0)
    (track,) = follow(seen((0.0, [at_the_edge]), (0.2, [small]), (0.4, [large])))
    assert track.best.box == large


def test_a_flock_takes_no_time() -> None:
    """Forty at once, each near the next: the number of ways to match them is limited."""
    flock = [box(0.05 + 0.1 * (n % 10), 0.1 + 0.2 * (n // 10), size=0.09) for n in range(40)]
    tracks = follow(seen(*[(step / RATE, flock) for step in range(20)]))
    assert len(tracks) == 40
    assert set(times(tracks)) == {(0.0, 3.8)}
