"""What a job says while it runs: English text that the pages show in the site's language."""

from collections.abc import Callable
from typing import Any

MINUTE = 60


class Sentence(str):
    """English text made of a template and values, both of which are kept.

    >>> said = Sentence("{done} of {of} pictures", done=3, of=7)
    >>> str(said)
    '3 of 7 pictures'
    >>> translated(said.to_json(), {"{done} of {of} pictures": "{done} von {of} Bildern"}.get)
    '3 von 7 Bildern'
    >>> Sentence.from_json(said.to_json()) == said
    True

    A value may be another sentence. Without values the text is the template, for `fill`.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> "Sentence":
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template, made.values = template, values
        return made

    def fill(self, **values: Any) -> "Sentence":
        return Sentence(self.template, **values)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold, for `translated`; of other values their text."""
        values = {name: _storable(value) for name, value in self.values.items()}
        return {"template": self.template, "values": values}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Sentence":
        values = {
            name: cls.from_json(value) if isinstance(value, dict) else value
            for name, value in stored["values"].items()
        }
        return cls(stored["template"], **values)


def _storable(value: Any) -> Any:
    if isinstance(value, Sentence):
        return value.to_json()
    return value if isinstance(value, str | int | float | None) else str(value)


def to_json(text: str) -> dict[str, Any] | None:
    """Return what is stored beside a text to translate it by; None if it is no sentence."""
    return text.to_json() if isinstance(text, Sentence) else None


def translated(stored: dict[str, Any], translate: Callable[[str], str | None]) -> str:
    """Return a stored sentence in the language of `translate`."""
    values = {
        name: translated(value, translate) if isinstance(value, dict) else value
        for name, value in stored["values"].items()
    }
    template = translate(stored["template"]) or stored["template"]
    return template.format(**values) if values else template


def time_left(seconds: float) -> Sentence:
    """Return how long something still takes, in minutes.

    >>> time_left(20), time_left(70), time_left(170)
    ('less than a minute left', '1 minute left', '3 minutes left')
    """
    if seconds < MINUTE:
        return Sentence("less than a minute left")
    if (minutes := round(seconds / MINUTE)) == 1:
        return Sentence("1 minute left")
    return Sentence("{minutes} minutes left", minutes=minutes)
