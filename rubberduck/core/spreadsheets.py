"""Tables as CSV for spreadsheets; static/js/csv.js does the same in the browser."""

import re
from collections.abc import Iterable, Iterator, Sequence

BYTE_ORDER_MARK = "\ufeff"  # without it Excel does not read UTF-8
FORMULA = re.compile(r"\s*[=+\-@\t\r\n|]")


def to_csv(rows: Iterable[Sequence[str | float | None]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180). None is an empty cell."""
    yield BYTE_ORDER_MARK
    for row in rows:
        yield ",".join(map(cell, row)) + "\r\n"


def without_formula(text: str) -> str:
    """Return the text, with an apostrophe before what a spreadsheet would execute.

    >>> without_formula("=1+1"), without_formula("a duck")
    ("'=1+1", 'a duck')
    """
    return f"'{text}" if FORMULA.match(text) else text


def cell(value: str | float | None) -> str:
    """Return a quoted cell. A spreadsheet would execute a text that begins like a formula.

    >>> [cell(value) for value in ("a duck", 'a "duck"', "=1+1", " @SUM(A1)", -2.5, None)]
    ['"a duck"', '"a ""duck""\"', '"\\'=1+1"', '"\\' @SUM(A1)"', '"-2.5"', '""']
    """
    text = "" if value is None else str(value)
    if isinstance(value, str):
        text = without_formula(text)
    return '"' + text.replace('"', '""') + '"'
