"""The simulated fleet: true where theory is exact, the same each time, and what docs/scale.md says.

Counts and simulated seconds only; nothing here looks at a clock.
"""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
import simpy
from sqlalchemy import event, select

from bench import burden, capacity, fleet, hot_rows, needs, published, scale, tables
from bench.fleet import Fleet
from bench.measure import Growth
from bench.plan import SAVE_HELD, TAKE_HELD, Machine, Outcome, Plan, Work
from bench.quota import ATTEMPTS, Caller, Quota
from bench.rows import a_result, an_upload
from db_setup import set_up
from rubberduck.billing.budget import Budget
from rubberduck.core.circuit_breaker import FAILURES, REST
from rubberduck.db.results import Results
from rubberduck.db.tables import calls, daily_counts
from tests.support import postgres

ONE_CORE = Machine("of theory", 1, 100_000)
REWRITE = "other figures in docs/speed/figures.jsonl? Then: python -m bench --write scale"
MANY = 8_000  # pictures, for means that hold still


def mean(outcome: Outcome) -> float:
    return sum(outcome.waits) / len(outcome.waits)


def blocks(page: str) -> dict[str, str]:
    """What stands between the marks of docs/scale.md."""
    parts = page.split("<!-- ")[1:]
    named = (part.split(" -->\n", 1) for part in parts if not part.startswith("end -->"))
    return {name: text.rstrip() for name, text in named}


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7])
def test_one_core_with_equal_pictures_waits_as_m_d_1_does(busy: float) -> None:
    plan = Plan(ONE_CORE, 1, Work(fallback_detector=1.0), stands_in_always=True)
    outcome = Fleet(plan).visited(busy, MANY / busy, 100)
    assert mean(outcome) == pytest.approx(1.0 + busy / (2 * (1 - busy)), rel=0.08)
    assert outcome.busy == pytest.approx(busy, rel=0.03)


@pytest.mark.parametrize(("threads", "busy"), [(1, 0.5), (4, 0.7), (12, 0.7)])
def test_threads_that_only_wait_for_rekognition_are_m_m_c(threads: int, busy: float) -> None:
    plan = Plan(Machine("of theory", 1, threads), 1, Work(labels=1.0, evenness=1.0))
    outcome = Fleet(plan).visited(busy * threads, MANY / busy / threads, 100)
    assert mean(outcome) == pytest.approx(1.0 + erlang_wait(threads, busy), rel=0.1)


def erlang_wait(servers: int, busy: float) -> float:
    """The mean wait of M/M/c in mean service times: Erlang's C ÷ (c · (1 − ρ))."""
    load = servers * busy
    last = load**servers / math.factorial(servers) / (1 - busy)
    others = sum(load**n / math.factorial(n) for n in range(servers))
    return last / (others + last) / (servers * (1 - busy))


def test_as_many_are_inside_as_come_in_the_time_that_each_stays() -> None:
    """Little's law, through every part of a whole picture."""
    outcome = Fleet(Plan(published.T3_SMALL.machine, 2, needs.picture())).visited(8, 100, 10)
    arrivals = outcome.arrived / outcome.seconds
    assert outcome.in_progress == pytest.approx(arrivals * mean(outcome), rel=0.03)


def test_no_picture_is_lost() -> None:
    fleet = Fleet(Plan(published.T3_SMALL.machine, 2, needs.picture(), quota=5.0))
    outcome = fleet.visited(12, 100)
    assert fleet.inside == outcome.arrived - len(outcome.waits) > 0
    fleet.env.run()  # nobody comes any more; who is inside is served
    assert fleet.inside == 0
    assert len(outcome.waits) == outcome.arrived > 1_000


def test_the_same_dice_give_the_same_figures_and_others_do_not() -> None:
    plan = Plan(published.T3_SMALL.machine, 2, needs.picture(), quota=5.0)
    first, again, other = (Fleet(plan, seed).visited(6, 60).waits for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("a_second", [0.5, 5.0, 50.0])
def test_the_quota_lets_exactly_so_many_through(a_second: float) -> None:
    quota = Quota(a_second)
    asked = [quota.take(moment / 1000) for moment in range(1, 100_001)]  # a hundred seconds
    saved_up = max(1.0, a_second)
    assert sum(asked) == pytest.approx(100 * a_second + saved_up, abs=1)


def test_a_worker_tries_as_often_as_the_site_does_then_leaves_rekognition_alone() -> None:
    env = simpy.Environment()
    nothing = Quota(1e-9)
    nothing.take(0.0)  # the one that was saved up
    caller = Caller(env, nothing, random.Random(1))
    asked: list[bool] = []
    caller.quota.take = lambda now: bool(asked.append(True))  # type: ignore[method-assign, func-returns-value]

    def visitors() -> object:
        for _ in range(FAILURES):
            assert caller.allow_request()
            assert not (yield from caller.ask(0.03, 0.3))
        assert not caller.allow_request()
        yield env.timeout(REST)
        assert caller.allow_request()
        assert not caller.allow_request()  # one tries for all others

    env.run(env.process(visitors()))  # type: ignore[arg-type]
    assert len(asked) == FAILURES * ATTEMPTS


def test_above_the_quota_the_embedded_detector_has_the_rest() -> None:
    plan = Plan(published.T3_SMALL.machine, 4, needs.picture(), quota=5.0)
    outcome = Fleet(plan).visited(15, 60, 30)
    assert outcome.labelled / outcome.seconds == pytest.approx(5.0, rel=0.1)
    assert outcome.a_second == pytest.approx(15, rel=0.1)


def test_what_a_row_is_held_beside_the_ways_is_told_from_the_ways() -> None:
    over = {hot_rows.SAME: (5.0, 7.0, 13.2, 23.5), hot_rows.OWN: (4.9, 4.9, 4.9, 4.9)}
    counting = Growth("", "ms each", "", (0.0, 2.0, 5.0, 10.0), over)
    assert needs.held_beside(counting, 2) == pytest.approx(0.003)


def test_a_hot_row_lets_no_more_through_than_it_can() -> None:
    work = Work(trip=0.001, take_fixed=0.003, labels=0.1)
    few = Plan(Machine("of theory", 8, 1_000), 4, work)
    outcome = Fleet(few).visited(400, 5, 2)
    most = 1 / capacity.held(2, work.take_fixed)
    assert outcome.a_second == pytest.approx(most, rel=0.02)
    spread = Fleet(Plan(few.machine, 4, work, hot_rows=64, tally_rows=64)).visited(400, 5, 2)
    assert spread.a_second == pytest.approx(400, rel=0.05)


def test_the_simulation_is_what_was_measured_while_processors_have_time_left() -> None:
    """And where they have none, it promises waits that are too short; docs/scale.md says both."""
    pairs = list(tables.beside([*scale.validations(), scale.over_clients()]))
    free, full = ([each.ratio for each in pairs if each.full is side] for side in (False, True))
    assert 0.8 < min(free) <= max(free) < 1.2
    assert 0.5 < min(full) <= max(full) < 1.0


def test_the_page_says_what_is_reckoned_today() -> None:
    written = blocks(scale.PAGE.read_text())
    for name, block in tables.reckoned(scale.STEPS).items():
        assert written[name] == block, REWRITE


@pytest.mark.parametrize("a_minute", scale.STEPS[:2])
def test_the_page_says_what_is_simulated_today(a_minute: int) -> None:
    waits = tables.simulated([scale.step_wait(a_minute)])["waits"].splitlines()[-1]
    assert waits in scale.PAGE.read_text().splitlines(), REWRITE


@pytest.fixture
def processes(postgres_server: postgres.Server) -> Iterator[list[Results]]:
    with postgres_server.database() as url:
        set_up(url)
        processes = [Results(url) for _ in range(hot_rows.PROCESSES)]
        yield processes
        for each in processes:
            each.close()


@pytest.mark.parametrize(("own", "rows"), [(False, 1), (True, hot_rows.AT_ONCE)])
def test_the_bench_counts_calls_in_one_row_or_in_many(
    processes: list[Results], own: bool, rows: int
) -> None:
    work = hot_rows.takes(processes, own)
    with hot_rows.far_away(processes, 0.001):
        assert hot_rows.milliseconds_each(work, 2) > 0
    with processes[0].database.transaction() as connection:
        taken = connection.scalars(select(calls.c.taken).order_by(calls.c.period)).all()
    assert taken == [3 * hot_rows.AT_ONCE // rows] * 2 * rows  # of the month and of the day


@pytest.mark.parametrize(("own", "rows"), [(False, 1), (True, hot_rows.AT_ONCE)])
def test_the_bench_counts_answers_in_one_row_or_in_many(
    processes: list[Results], own: bool, rows: int
) -> None:
    assert hot_rows.milliseconds_each(hot_rows.saves(processes, own), 2) > 0
    with processes[0].database.transaction() as connection:
        asked = connection.scalars(select(daily_counts.c.asked)).all()
    assert asked == [3 * hot_rows.AT_ONCE // rows] * rows


@contextmanager
def ways(results: Results) -> Iterator[list[str]]:
    """To PostgreSQL and back: the pool's ping, BEGIN, each statement, COMMIT."""
    gone: list[str] = []
    engine, moments = (
        results.database.engine,
        ("checkout", "begin", "before_cursor_execute", "commit"),
    )
    notes = [(moment, partial(_note, gone, moment)) for moment in moments]
    for moment, note in notes:
        event.listen(engine, moment, note)
    yield gone
    for moment, note in notes:
        event.remove(engine, moment, note)


def _note(gone: list[str], moment: str, *_: object) -> None:
    gone.append(moment)


def test_the_simulated_picture_goes_to_the_database_as_often_as_a_real_one(
    processes: list[Results],
) -> None:
    results = processes[0]
    result, budget = a_result(), Budget(results.database, "the detector", 0.001, 9, 9)
    with ways(results) as gone:
        results.begin(replace(an_upload(), id=result.id), "the detector")
    assert len(gone) == fleet.BEGIN_TRIPS
    with ways(results) as gone:
        budget.take()
    assert len(gone) == fleet.TAKE_TRIPS + TAKE_HELD
    with ways(results) as gone:
        results.save(result)
    assert len(gone) == fleet.SAVE_TRIPS + SAVE_HELD
    with ways(results) as gone:
        results.get(result.id)
    assert len(gone) == fleet.PAGE_TRIPS


@pytest.mark.soak
def test_one_picture_is_weighed(postgres_server: postgres.Server) -> None:
    """The whole bench, with the site, on few pictures."""
    weighed = {each.what: each.ours.median for each in burden.run(rounds=1, pictures=5)}
    assert set(weighed) == {what for what, _unit in burden.WHAT.values()}
    assert all(weight > 0 for what, weight in weighed.items() if "row" not in what)
