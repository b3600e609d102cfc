"""Write numbers as the site's language does.

A table, and not Babel, which only the tests need: to import it would slow the start (docs/speed.md)
for three signs. Python's `locale` is no way either: it is one for the whole process, and knows only
the languages that the machine has installed. A language that is not in the table writes as English
does.

Only for people: JSON, CSV, attributes and what is sent to programs keep Python's numbers.
"""

from dataclasses import dataclass

from rubberduck.core import models
from rubberduck.web.deps import settings

SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Numbers:
    """How a language writes numbers; `unit` stands between it and a sign behind it.

    >>> en, de, sv = Numbers(), LANGUAGES["de"], LANGUAGES["sv"]
    >>> en.thousands(10_000), de.thousands(10_000), sv.thousands(10_000)
    ('10,000', '10.000', '10\\xa0000')
    """

    decimal: str = "."
    grouping: str = ","
    unit: str = ""

    def _write(self, number: float, digits: int, sign: str = "") -> str:
        english = f"{number:{sign},.{digits}f}"
        return english.translate({ord("."): self.decimal, ord(","): self.grouping})

    def thousands(self, number: int) -> str:
        return self._write(number, 0)

    def decimals(self, number: float, digits: int = 2, *, signed: bool = False) -> str:
        """
        >>> LANGUAGES["de"].decimals(0.514), Numbers().decimals(0.1, signed=True)
        ('0,51', '+0.10')
        """
        return self._write(number, digits, "+" if signed else "")

    def plain(self, number: float) -> str:
        """Write a number with the digits that it has.

        >>> LANGUAGES["de"].plain(15.0), LANGUAGES["de"].plain(1234.5)
        ('15', '1.234,5')
        """
        return f"{number:,g}".translate({ord("."): self.decimal, ord(","): self.grouping})

    def megabytes(self, bytes: int) -> str:
        """
        >>> [Numbers().megabytes(bytes) for bytes in (1_234_567, 10_000_000_000, 0)]
        ['1.2', '10,000', '0']
        """
        value = bytes / 1e6
        return self._write(value, 0 if value >= 10 or not value else 1)

    def percent(self, value: float) -> str:
        """Write a whole percentage; only exactly 100 becomes "100%".

        >>> Numbers().percent(99.7), LANGUAGES["de"].percent(99.7)
        ('99%', '99\\xa0%')
        """
        return models.percent(value).replace("%", f"{self.unit}%")

    def threshold_percent(self, value: float) -> str:
        """Write a threshold without rounding, which could contradict the labels next to it.

        >>> Numbers().threshold_percent(35.0), LANGUAGES["de"].threshold_percent(99.9)
        ('35%', '99,9\\xa0%')
        """
        return f"{self.plain(value)}{self.unit}%"

    def dollars(self, microdollars: int) -> str:
        """Write an amount of money, as billing.prices does in English.

        >>> Numbers().dollars(4_000_000), LANGUAGES["de"].dollars(-1_500_000)
        ('$4.00', '-1,50\\xa0$')
        """
        # Imported late: the first page shows no prices.
        from rubberduck.billing.prices import dollars

        english = dollars(microdollars)
        if not self.unit:
            return english
        amount = english.replace("$", "").replace(".", self.decimal)
        return f"{amount}{self.unit}$"


LANGUAGES = {
    "de": Numbers(",", ".", SPACE),
    "sv": Numbers(",", SPACE, SPACE),
}


def numbers_of(language: str) -> Numbers:
    return LANGUAGES.get(language, Numbers())


def numbers() -> Numbers:
    """Return how the site's language writes them."""
    return numbers_of(settings().language)
