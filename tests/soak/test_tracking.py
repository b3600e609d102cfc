"""Two hundred clips: crossings, occlusion, camera shake, cuts, a detector that errs."""

import sys
from collections import Counter

import pytest

from rubberduck.core.rules import RUBBER_DUCK
from rubberduck.videos.timeline import judge_video
from tests.support.moving_objects import SECONDS, make_clip, mistakes

pytestmark = pytest.mark.soak
tell = sys.stdout.write  # figures, which `make soak` shows
CLIPS = 200


def test_tracks_of_two_hundred_clips() -> None:
    wrong: list[tuple[int, list[str]]] = []
    kinds: Counter[str] = Counter()
    objects = 0
    for seed in range(CLIPS):
        clip = make_clip(seed)
        kinds.update(clip.kinds)
        objects += len(clip.truth)
        verdict = judge_video(RUBBER_DUCK, clip.samples, end_seconds=SECONDS)
        if found := mistakes(clip, verdict.tracks):
            wrong.append((seed, found))
    tell(f"\n{CLIPS} clips, {objects} objects, {dict(kinds)}: {CLIPS - len(wrong)} exact\n")
    for seed, found in wrong:
        tell(f"  seed {seed}: {'; '.join(found)}\n")
    assert not wrong
