"""`flask costs`: print what was spent, what is left of the budgets, and a forecast."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from rubberduck.billing.ledger import Entry, Ledger, limits_of
from rubberduck.billing.ledger import Spending as Total
from rubberduck.billing.prices import MICRODOLLARS, dollars, load_prices
from rubberduck.billing.spending import Spending, Spent, read_spending
from rubberduck.cli.terminal import HELP, as_json, command_errors
from rubberduck.web.deps import pipeline, settings
from rubberduck.web.formatting import rfc3339


@click.command("costs", context_settings=HELP)
@with_appcontext
@click.option("--ledger", "with_entries", is_flag=True, help="Show the ledger of all services.")
@as_json
def costs(with_entries: bool, as_json: bool) -> None:
    """Show billed calls, their cost, the budget, and the spending on all services.

    The forecast assumes that every remaining day is an average day of this month, within the
    budgets DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS. All services together, with trainings and
    running models, are limited by DUCK_DAILY_USD and DUCK_MONTHLY_USD. Days and months are in UTC.

    \b
    Examples:
      flask costs
      flask costs --ledger
      flask costs --json
    """
    with command_errors():
        if with_entries:
            _show_ledger(as_json)
        else:
            _show_spending(as_json)


def _show_spending(as_json: bool) -> None:
    spendings = _read()
    if as_json:
        click.echo(json.dumps([asdict(spending) for spending in spendings]))
        return
    totals = _ledger().totals()
    click.echo("\n".join(map(_table, spendings)) or _no_costs())
    if any(total.spent for total in totals):
        click.echo(_total_table(totals))


def _show_ledger(as_json: bool) -> None:
    totals, entries = _ledger().totals(), _ledger().newest()
    if as_json:
        body = {
            "totals": [_total_body(total) for total in totals],
            "entries": [
                asdict(entry) | {"at": rfc3339(entry.at)} | {"dollars": _usd(entry.microdollars)}
                for entry in entries
            ],
        }
        click.echo(json.dumps(body))
        return
    click.echo(_total_table(totals).lstrip())
    click.echo("".join(map(_entry_line, entries)), nl=False)


def _ledger() -> Ledger:
    limits = limits_of(settings(), load_prices(settings().prices))
    return Ledger(pipeline().results.database, limits)


def _total_table(totals: tuple[Total, ...]) -> str:
    lines = ["", "All services", "", f"{'':12}{'cost':>12}{'limit':>12}{'left':>12}"]
    for name, total in zip(("today", "this month"), totals, strict=True):
        amounts = (total.spent, total.limit, total.left)
        lines.append(f"{name:12}" + "".join(f"{dollars(amount):>12}" for amount in amounts))
    return "\n".join(lines)


def _total_body(total: Total) -> dict[str, object]:
    amounts = {"dollars": total.spent, "limit": total.limit, "left": total.left}
    return {"period": total.period} | {name: _usd(each) for name, each in amounts.items()}


def _entry_line(entry: Entry) -> str:
    cost = dollars(entry.microdollars)
    return f"{entry.at:%Y-%m-%d %H:%M} {cost:>10}  {entry.service}: {entry.what}\n"


def _usd(microdollars: int) -> float:
    return microdollars / MICRODOLLARS


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
