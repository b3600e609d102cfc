"""Which duck is it: 20 rendered ducks with five photos each are known, and 40 others are not."""

from pathlib import Path

import pytest

from training.named_ducks.judge import judge
from training.named_ducks.photographs import JUDGED


@pytest.mark.soak
def test_known_ducks_are_told_apart_and_strangers_refused(tmp_path: Path) -> None:
    figures = judge(JUDGED, tmp_path)
    print(f"\n{figures}")
    assert (figures.asked, figures.strangers_asked) == (100, 120)
    assert figures.top1 >= 0.9
    assert figures.strangers_refused >= 0.9
    assert figures.seconds <= 3 * figures.detector_seconds
