"""HDR in the colours of sRGB: neither washed out nor burnt out."""

import pytest
from PIL import Image

from rubberduck.videos.tone_mapping import HLG, PQ, light_to_pq, to_srgb


def mapped(transfer: int, *signal: float) -> tuple[int, ...]:
    pixel = Image.new("RGB", (1, 1), tuple(round(255 * each) for each in signal))
    value = to_srgb(pixel, transfer).getpixel((0, 0))
    assert isinstance(value, tuple)
    return value


def test_greys_stay_grey_and_in_order() -> None:
    for transfer in (PQ, HLG):
        greys = [mapped(transfer, *[n / 20] * 3) for n in range(21)]
        assert all(max(grey) - min(grey) <= 3 for grey in greys)
        assert greys == sorted(greys)


@pytest.mark.parametrize(("light", "grey"), [(0.0, 0), (20.0, 88), (50.0, 135), (92.0, 176)])
def test_what_is_not_bright_keeps_its_light(light: float, grey: int) -> None:
    """203 cd/m² are sRGB's white; below 92 the curve changes nothing."""
    assert mapped(PQ, *[light_to_pq(light)] * 3)[1] == pytest.approx(grey, abs=4)


def test_highlights_keep_their_differences() -> None:
    white, lamp, sun = (mapped(PQ, *[light_to_pq(n)] * 3)[1] for n in (203, 400, 1000))
    assert 205 < white < lamp < sun <= 255


def test_a_yellow_duck_is_yellow() -> None:
    """BT.709's (1, 0.8, 0) at 100 cd/m², as BT.2020 with PQ writes it."""
    red, green, blue = 0.6274 + 0.3293 * 0.8, 0.0691 + 0.9195 * 0.8, 0.0164 + 0.0880 * 0.8
    signal = [light_to_pq(100 * part) for part in (red, green, blue)]
    found = mapped(PQ, *signal)
    assert found[0] - found[2] > 120  # shown without the table, it is 60
    assert found[0] >= found[1] > found[2] + 100
