"""Each bomb weighed alone; `make soak`."""

from pathlib import Path

import pytest
from PIL import Image

from rubberduck.core.errors import (
    TooManyPixels,
)
from tests.support import bombs
from tests.support.decoding import decode_upload, measured
from tests.support.pictures import encoded


@pytest.mark.soak
def test_each_bomb_takes_less_than_100_ms_and_30_mb(armoury: Path, tmp_path: Path) -> None:
    """Of the processor's time; each in a process of its own."""
    for path in sorted(armoury.iterdir()):
        (alone := tmp_path / path.name).mkdir()
        (alone / path.name).symlink_to(path)
        told = measured("refuse_all", alone)
        took = told["milliseconds"][path.name]
        size = path.stat().st_size
        print(f"{took:7.1f} ms {told['megabytes']:6.1f} MB {size:9} bytes  {path.name}")
        assert took < 100
        assert told["megabytes"] < 30


@pytest.mark.soak
def test_a_real_avif_of_144_million_pixels_that_calls_itself_one_million() -> None:
    data = encoded(Image.new("RGB", (12_000, 12_000), "gold"), "AVIF", speed=10, quality=5)
    with pytest.raises(TooManyPixels):
        decode_upload(bombs.said_to_be(data, 1000, 1000))
