"""What Amazon's services cost: prices.toml, and a file of the operator's that replaces entries.

Amounts are whole millionths of a US dollar, so that sums are exact.
"""

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from rubberduck.core.settings import InvalidSettings

TABLE = Path(__file__).with_name("prices.toml")
MICRODOLLARS = 1_000_000  # in a US dollar
MAX_ERRORS = 5  # reported at once


@dataclass(frozen=True)
class Price:
    """US dollars for one `per`, and where and when they were read.

    Not `verified`: no price page of the service was at hand, so it is shown as "about".
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    dollars: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
    per: str
    source: str
    date: date
    verified: bool

    def of(self, amount: float) -> int:
        """Return the millionths of a US dollar for `amount` of it, rounded up.

        >>> Price(4.0, "hour", "", date(2026, 11, 1), False).of(1 / 60)
        66667
        """
        return math.ceil(round(self.dollars * amount * MICRODOLLARS, 3))


Prices = MappingProxyType[str, Price]
_FILE = TypeAdapter(dict[str, Price])


@cache
def load_prices(override: Path | None = None) -> Prices:
    """Return the price of each service by its key. Raises InvalidSettings for a bad `override`."""
    prices = _FILE.validate_python(tomllib.loads(TABLE.read_text(encoding="utf-8")))
    if override is not None:
        own = _read(override)
        if unknown := sorted(own.keys() - prices.keys()):
            raise InvalidSettings(
                f"DUCK_PRICES is wrong: {override} has a price for {', '.join(unknown)}, which "
                f"this site does not buy. It may have: {', '.join(sorted(prices))}."
            )
        prices |= own
    return MappingProxyType(prices)


def _read(file: Path) -> dict[str, Price]:
    try:
        return _FILE.validate_python(tomllib.loads(file.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(
            f"DUCK_PRICES is wrong: {file} cannot be read: {type(error).__name__}."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"DUCK_PRICES is wrong: {file} is not TOML: {error}.") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors()[:MAX_ERRORS]
        )
        raise InvalidSettings(f"DUCK_PRICES is wrong: {file}: {wrong}.") from None


def dollars(microdollars: int) -> str:
    """Format an amount of money for people: whole cents, or more digits below ten cents.

    >>> dollars(4_000_000), dollars(66_667), dollars(1_000), dollars(0), dollars(-1_500_000)
    ('$4.00', '$0.067', '$0.001', '$0.00', '-$1.50')
    """
    value = abs(microdollars) / MICRODOLLARS
    digits = 3 if 0 < value < 0.1 else 2
    return f"{'-' if microdollars < 0 else ''}${value:.{digits}f}"
