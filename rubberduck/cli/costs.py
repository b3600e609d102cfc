"""`flask costs`: print what was spent, what is left of the budget, and a forecast."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from rubberduck.billing.spending import Spending, Spent, read_spending
from rubberduck.cli.terminal import HELP, as_json
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import pipeline, settings


@click.command("costs", context_settings=HELP)
@with_appcontext
@as_json
def costs(as_json: bool) -> None:
    """Show billed calls, their cost and the budget.

    The forecast assumes that every remaining day is an average day of this month, within the
    budgets DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS. Days and months are in UTC.

    \b
    Examples:
      flask costs
      flask costs --json
    """
    try:
        spendings = _read()
    except DuckError as error:
        raise click.ClickException(error.operator_message) from None
    if as_json:
        click.echo(json.dumps([asdict(spending) for spending in spendings]))
    else:
        click.echo("\n".join(map(_table, spendings)) or _no_costs())


def _read() -> list[Spending]:
    detector = pipeline().detector
    prices = {detector.name: detector.cost_per_call_usd} if detector.cost_per_call_usd else {}
    limits = settings().daily_calls, settings().monthly_calls
    return read_spending(pipeline().results.database, prices, *limits)


def _no_costs() -> str:
    return f"No costs: the {pipeline().detector.name} is free of charge."


def _table(spending: Spending) -> str:
    active = pipeline().detector.name
    lines = [
        f"{spending.engine}, ${spending.dollars_a_call:g} per call",
        "",
        f"{'':12}{'calls':>10}{'budget':>10}{'left':>10}{'cost':>12}",
        _row("today", spending.today),
        _row("this month", spending.month),
        f"{'forecast':12}{spending.forecast_calls:>10}{'':20}{_money(spending.forecast_dollars)}",
    ]
    if spending.engine != active:
        lines += ["", f"{spending.engine} is switched off; the {active} is used instead."]
    return "\n".join(lines)


def _row(name: str, spent: Spent) -> str:
    return f"{name:12}{spent.calls:>10}{spent.budget:>10}{spent.left:>10}{_money(spent.dollars)}"


def _money(dollars: float) -> str:
    return f"{f'${dollars:.3f}':>12}"
