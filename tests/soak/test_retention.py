"""A thousand objects of every kind, swept; `make soak`."""

import pytest

from rubberduck.db.results import Results
from rubberduck.storage.base import Storage
from tests.support.retention import check_sweep


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_things_again_and_again(
    storage: Storage, any_results: Results, seed: int
) -> None:
    check_sweep(storage, any_results, 1000, seed)
