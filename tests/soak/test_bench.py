"""The bench with the whole site, on few pictures; `make soak`."""

import pytest

from bench.scenarios import amazon
from tests.support import postgres


@pytest.mark.soak
def test_the_cost_of_a_picture_is_measured(postgres_server: postgres.Server) -> None:
    """The whole scenario, with the site, on few pictures."""
    figures = {
        each.what: each.ours.median for each in amazon.cost_per_picture(rounds=1, pictures=5)
    }
    assert set(figures) == {what for what, _unit in amazon.FIGURES.values()}
    assert all(value > 0 for what, value in figures.items() if "row" not in what)
