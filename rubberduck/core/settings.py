"""Every setting: a `DUCK_…` variable, typed, checked at start."""

import difflib
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import load_dotenv
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, FilePath, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "DUCK_"
BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
SQLITE = "sqlite:///"
DATABASE_URL = rf"^({SQLITE}|postgresql\+psycopg://)."


class InvalidSettings(ValueError):
    """One line for each wrong variable: its name and what it must be, never its value."""


def _from_root(path: Any) -> Any:
    return ROOT / path if isinstance(path, str | Path) else path


def _split(names: Any) -> Any:
    return tuple(each.strip() for each in names.split(",")) if isinstance(names, str) else names


def _a_good_address(url: str) -> str:
    if url.startswith(SQLITE):
        if "?" in url or url == f"{SQLITE}:memory:":
            raise ValueError("of SQLite, give only the file")
        return url
    # Not at the top: with SQLite, pages are shown before it is loaded.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("it is no address of a database") from None
    if "@" in (parsed.host or ""):
        raise ValueError("signs such as @ in its password have to be percent-encoded")
    return url


def _a_good_store(url: str) -> str:
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("it is no address of a Redis") from None
    return url


class Settings(BaseSettings):
    """Defaults give the whole site on one machine, with no account."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    bucket: Annotated[str | None, Field(pattern=BUCKET_NAME)] = Field(
        None, description="the name of your private S3 bucket; with it, Amazon Rekognition answers"
    )
    region: str = Field(
        "eu-central-1",
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="the AWS region of the bucket and of Rekognition",
    )
    database_url: Annotated[str, AfterValidator(_a_good_address)] = Field(
        "sqlite:///instance/duck.db",
        pattern=DATABASE_URL,
        repr=False,
        description="sqlite:///FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME",
    )
    uploads: Annotated[Path, AfterValidator(_from_root)] = Field(
        Path("uploads"), description="the folder for pictures when there is no bucket"
    )
    engine: Literal["rekognition", "local"] | None = Field(
        None,
        description="rekognition or local, the embedded detector; "
        "without it, rekognition where there is a bucket",
    )
    daily_calls: int = Field(
        1000, ge=0, description="how many pictures a day Rekognition may be asked about"
    )
    monthly_calls: int = Field(
        10_000, ge=0, description="how many pictures a calendar month it may be asked about"
    )
    question: Annotated[FilePath | None, BeforeValidator(_from_root)] = Field(
        None, description="a TOML file with another question than the rubber duck"
    )
    max_bytes: int = Field(
        15_000_000, ge=10_000, le=100_000_000, description="the largest upload, in bytes"
    )
    max_side: int = Field(
        2048, ge=320, le=8192, description="the longest side of a stored picture, in pixels"
    )
    keep_days: int = Field(
        30, ge=1, le=3650, description="how many days pictures and results are kept"
    )
    secret_key: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="what signs the visitors' cookies, at least 16 random signs; "
        "with neither bucket nor PostgreSQL, instance/secret_key does",
    )
    hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="the names that the site answers to, with commas between; all, without it"
    )
    proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="how many proxies stand in front and say who asks, and whether by HTTPS",
    )
    uploads_a_minute: int = Field(
        60,
        ge=0,
        description="how many pictures a minute one visitor may send; "
        "with 0, nobody is ever told to wait",
    )
    rate_store: Annotated[str, AfterValidator(_a_good_store)] = Field(
        "memory://",
        pattern=r"^(memory://|redis(s|\+unix)?://.+)$",
        repr=False,
        description="where visitors' requests are counted: memory://, for each process its own, "
        "or redis://:PASSWORD@HOST for all together",
    )
    link_seconds: int = Field(
        900, ge=60, le=3600, description="how long a link to a picture in the bucket lives"
    )
    language: str = Field(
        "en",
        pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$",
        description="the language of the site's texts, if translations/ holds it",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="how much the log tells"
    )

    @property
    def answering_engine(self) -> Literal["rekognition", "local"]:
        return self.engine or ("rekognition" if self.bucket else "local")

    @property
    def is_switched_off(self) -> bool:
        """Rekognition would answer, if it were not for the emergency lever."""
        return self.bucket is not None and self.engine == "local"

    def shown(self) -> dict[str, str]:
        """Each variable and its value, as far as it may be shown."""
        return {
            PREFIX + name.upper(): (
                ("set" if name in self.model_fields_set else "default")
                + (f", {_in_words(getattr(self, name))}" if field.repr else ", not shown")
            )
            for name, field in Settings.model_fields.items()
        }


def _in_words(value: object) -> str:
    """
    >>> _in_words(0), _in_words(None), _in_words(("duck.example", "www.duck.example"))
    ('0', 'none', 'duck.example,www.duck.example')
    """
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return "none" if value is None else str(value)


def load_settings() -> Settings:
    """The settings of the environment and `.env`; InvalidSettings names what is wrong."""
    # Into the environment, so that AWS's own variables work too, and an empty one can unset a line.
    # Flask's commands do the same, and have this variable to leave it.
    if not os.environ.get("FLASK_SKIP_DOTENV"):
        _load_env_file(ROOT / ".env")
    try:
        return Settings()
    except ValidationError as error:
        lines = [_line(str(each["loc"][0]), each) for each in error.errors()]
        raise InvalidSettings("\n".join(lines)) from None


def _load_env_file(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} cannot be read: {type(error).__name__}.") from None
    for binding in parse_stream(StringIO(text)):
        if binding.error:  # python-dotenv itself would go on without the line
            raise InvalidSettings(f"{file} is wrong: line {binding.original.line} has no end.")
    load_dotenv(stream=StringIO(text))


def _line(name: str, error: "ErrorDetails") -> str:
    # Pydantic's own text holds the value, which may be a secret; `msg` alone does not.
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        message = "it does not look like one"
    wanted = Settings.model_fields[name].description
    return f"{PREFIX}{name.upper()} is wrong: {message}. It must be {wanted}."


def unknown_variables() -> dict[str, str | None]:
    """`DUCK_…` variables that are no setting of ours, each with the one probably meant."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return {
        name: next(iter(difflib.get_close_matches(name, known, 1)), None)
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
    }
