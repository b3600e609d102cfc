"""Load the settings from the environment and `.env`, with messages that name what is wrong."""

import difflib
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import load_dotenv
from dotenv.parser import parse_stream
from pydantic import ValidationError

from rubberduck.core.settings import PREFIX, ROOT, InvalidSettings, Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load_settings() -> Settings:
    """Load the settings from the environment and `.env`. Raises InvalidSettings."""
    # Into the environment, so that AWS's variables work too, and an empty one can unset a line.
    # Flask's commands do the same, and FLASK_SKIP_DOTENV disables it.
    if not os.environ.get("FLASK_SKIP_DOTENV"):
        _load_env_file(ROOT / ".env")
    try:
        return Settings()
    except ValidationError as error:
        lines = [_line(str(item["loc"][0]), item) for item in error.errors()]
        raise InvalidSettings("\n".join(lines)) from None


def _load_env_file(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} cannot be read: {type(error).__name__}.") from None
    for binding in parse_stream(StringIO(text)):
        if binding.error:  # python-dotenv itself would skip the line
            raise InvalidSettings(
                f"{file} is invalid: line {binding.original.line} is not complete."
            )
    load_dotenv(stream=StringIO(text))


def _line(name: str, error: "ErrorDetails") -> str:
    # Pydantic's full text contains the value, which may be a secret; `msg` does not.
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        message = "it does not look like one"
    expected = Settings.model_fields[name].description
    return f"{PREFIX}{name.upper()} is wrong: {message}. Expected: {expected}."


def unknown_variables() -> dict[str, str | None]:
    """Return unknown `DUCK_…` variables, each with the setting that was probably meant."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return {
        name: next(iter(difflib.get_close_matches(name, known, 1)), None)
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
    }
