"""Which frames are chosen: at the rate, where a scene begins, where much changes."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import pytest
from PIL import Image

from rubberduck.videos.sampling import EXTRA_PER_SECOND, Sampler, warm_up

RATE = Fraction(5)
Scene = tuple[int, str]  # so many frames of that colour, at 25 a second


def chosen(scenes: Iterable[Scene], rate: Fraction = RATE) -> list[tuple[int, bool]]:
    """Return the indices of the chosen frames, and whether a scene begins there."""
    sampler = Sampler[int](rate)
    found, index = [], 0
    for count, colour in scenes:
        for _ in range(count):
            found += sampler.add(Fraction(index, 25), Image.new("RGB", (48, 27), colour), index)
            index += 1
    return [(one.frame, one.is_cut) for one in [*found, *sampler.end()]]


def cuts(scenes: Iterable[Scene]) -> list[int]:
    return [index for index, is_cut in chosen(scenes) if is_cut]


def test_a_still_picture_is_sampled_at_the_rate() -> None:
    assert chosen([(26, "gold")]) == [(n, False) for n in (0, 5, 10, 15, 20, 25)]


def test_a_scene_is_sampled_from_its_first_frame_on() -> None:
    assert chosen([(12, "navy"), (8, "gold")]) == [
        *((n, False) for n in (0, 5, 10)),
        (12, True),
        (15, False),
        (19, False),
    ]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_flash_is_no_cut(frames: int) -> None:
    assert cuts([(13, "navy"), (frames, "white"), (12, "navy")]) == []


def test_a_cut_just_before_the_end_counts() -> None:
    assert cuts([(13, "navy"), (1, "gold")]) == [13]


def test_steady_change_is_no_cut_and_is_sampled_more() -> None:
    fade = [(1, f"rgb({5 * n},{5 * n},{5 * n})") for n in range(50)]
    found = chosen(fade)
    assert not any(is_cut for _, is_cut in found)
    assert len(found) == 10 + 2 * EXTRA_PER_SECOND + 1


def test_flicker_costs_at_most_a_few_more_samples() -> None:
    found = chosen([(1, ("navy", "gold")[n // 4 % 2]) for n in range(250)])
    assert len(found) <= 10 * (5 + EXTRA_PER_SECOND) + 1
    assert all(one < other for (one, _), (other, _) in pairwise(found))


def test_a_sampler_that_begins_earlier_than_a_moment_chooses_the_same() -> None:
    scenes = [(n % 23 + 1, f"rgb({n * 37 % 256},{n * 91 % 256},{n * 53 % 256})") for n in range(60)]
    frames = [colour for count, colour in scenes for _ in range(count)]
    whole = chosen([(1, colour) for colour in frames])
    for start in range(200, len(frames), 50):
        sampler, found = Sampler[int](RATE), []
        for index in range(start - int(25 * warm_up(RATE)), len(frames)):
            picture = Image.new("RGB", (48, 27), frames[index])
            found += sampler.add(Fraction(index, 25), picture, index)
        found += sampler.end()
        assert [(c.frame, c.is_cut) for c in found if c.frame >= start] == [
            one for one in whole if one[0] >= start
        ]
