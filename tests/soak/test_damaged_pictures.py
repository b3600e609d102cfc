"""Pictures with thousands of bits turned over: a picture or a refusal; `make soak`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.damaged import GOOD, calm, flipped, flips, is_read

MANY = 2000  # for each file

pytestmark = [
    pytest.mark.parametrize("name", GOOD),
    pytest.mark.usefixtures("no_temporary_files"),
]


@pytest.mark.soak
@settings(calm, max_examples=MANY, derandomize=False)
@given(flips=flips, end=st.floats(0.5, 1))
def test_with_many_more_bits_turned_over(
    name: str, flips: list[tuple[float, int]], end: float
) -> None:
    good = GOOD[name]
    is_read(flipped(good, flips))
    is_read(flipped(good, flips)[: int(end * len(good))])
