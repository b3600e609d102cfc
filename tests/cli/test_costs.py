"""`flask costs`, and the commands that spend from the same budget."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from rubberduck.billing.spending import forecast
from tests.support.aws import BUCKET
from tests.support.command_line import run_command
from tests.support.pictures import encoded, tiny
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.visitor import Visit, post_picture

TENTH = datetime(2026, 11, 10, tzinfo=UTC)  # nine of thirty days have gone


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(TENTH) as clock:
        yield clock


@pytest.fixture
def spender(visit: Visit, clock: time_machine.Traveller) -> FlaskClient:
    """Three calls today, six the day before."""
    client = visit(daily_calls=10, monthly_calls=300)
    clock.shift(-86_400)
    for number in range(6):
        post_picture(client, tiny(number))
    clock.shift(86_400)
    for number in range(6, 9):
        post_picture(client, tiny(number))
    return client


def test_costs(spender: FlaskClient) -> None:
    done = run_command(spender.application, "costs")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [
        ["Amazon", "Rekognition,", "$0.001", "per", "call"],
        [],
        ["calls", "budget", "left", "cost"],
        ["today", "3", "10", "7", "$0.003"],
        ["this", "month", "9", "300", "291", "$0.009"],
        ["forecast", "30", "$0.030"],
        [],
        ["All", "services"],
        [],
        ["cost", "limit", "left"],
        ["today", "$0.003", "$20.01", "$20.01"],
        ["this", "month", "$0.009", "$200.30", "$200.29"],
    ]
    ledger = run_command(spender.application, "costs", "--ledger", "--json").stdout
    assert json.loads(ledger)["totals"][0] == {
        "period": "2026-11-10",
        "dollars": 0.003,
        "limit": 20.01,
        "left": 20.007,
    }


def test_costs_as_json(spender: FlaskClient) -> None:
    done = run_command(spender.application, "costs", "--json")
    assert json.loads(done.stdout) == [
        {
            "engine": "Amazon Rekognition",
            "dollars_a_call": 0.001,
            "today": {
                "period": "2026-11-10",
                "calls": 3,
                "budget": 10,
                "left": 7,
                "dollars": 0.003,
            },
            "month": {
                "period": "2026-11",
                "calls": 9,
                "budget": 300,
                "left": 291,
                "dollars": 0.009,
            },
            "forecast_calls": 30,
            "forecast_dollars": 0.03,
        }
    ]


def test_costs_of_a_site_that_never_asked_rekognition(visit: Visit) -> None:
    done = run_command(visit().application, "costs")
    assert "today                0      1000      1000      $0.000" in done.stdout


def test_costs_without_amazon(app: Flask) -> None:
    done = run_command(app, "costs")
    assert (done.exit_code, done.stdout) == (
        0,
        "No costs: the fake detector is free of charge.\n",
    )
    assert json.loads(run_command(app, "costs", "--json").stdout) == []


def test_costs_when_the_lever_is_pulled(spender: FlaskClient, visit: Visit, s3: Any) -> None:
    done = run_command(visit(engine="local", bucket=BUCKET).application, "costs")
    assert "$0.009" in done.stdout
    assert (
        "Amazon Rekognition is switched off; the embedded detector is used instead." in done.stdout
    )
    assert "forecast             9                          $0.009" in done.stdout


def test_costs_without_a_database(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "duck.db").unlink()
    done = run_command(app, "costs")
    assert done.exit_code == 1
    assert "`python db_setup.py` creates it" in done.stderr


@pytest.mark.parametrize(
    ("calls", "now", "forecast_calls"),
    [
        pytest.param(0, "2026-11-20T00:00Z", 0, id="nothing so far"),
        pytest.param(10, "2026-11-01T00:00Z", 310, id="the first moment counts as a day"),
        pytest.param(2000, "2026-11-02T00:01Z", 2000 + 28_999, id="no day beyond its budget"),
        pytest.param(5000, "2026-11-30T23:59Z", 5000, id="the month is over"),
        pytest.param(99_000, "2026-11-10T00:00Z", 99_000, id="the budget was larger before"),
    ],
)
def test_the_forecast(calls: int, now: str, forecast_calls: int) -> None:
    moment = datetime.fromisoformat(now)
    assert forecast(calls, moment, daily=1000, monthly=50_000) == forecast_calls


def test_look_spends_from_the_same_budget(
    visit: Visit, eyes: RekognitionEndpoint, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(tiny(number))
    client = visit(daily_calls=3)
    post_picture(client, encoded())
    done = run_command(
        client.application, "look", "--yes", *map(str, sorted(tmp_path.glob("*.png")))
    )
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == [
        "yes, 89%",
        "yes, 89%",
        "no",
    ]
    assert eyes.arrived == 3


def test_evaluate_measures_only_what_its_engine_said(
    visit: Visit, eyes: RekognitionEndpoint, tmp_path: Path
) -> None:
    for number, side in enumerate(["duck", "duck", "no-duck", "no-duck"]):
        (tmp_path / "photos" / side).mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / side / f"{number}.png").write_bytes(tiny(number))
    eyes.faults.append("AccessDeniedException")
    photos = str(tmp_path / "photos")
    done = run_command(visit(daily_calls=2).application, "evaluate", "--yes", "--json", photos)
    assert json.loads(done.stdout)["pictures"] == 2
    assert "duck/0.png: skipped. We cannot check pictures at the moment." in done.stderr
    assert "no-duck/3.png and all after it: skipped. Our budget for answers is" in done.stderr
    assert eyes.arrived == 3  # the refused one was given back
