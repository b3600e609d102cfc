"""The settings: typed `DUCK_…` environment variables, validated at start."""

import gettext
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FilePath
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    pass

ROOT = Path(__file__).resolve().parents[2]
TRANSLATIONS = ROOT / "translations"
PREFIX = "DUCK_"
BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
S3_ADDRESS = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$"
QUEUE_URL = r"^https?://.+/.+"
# In these patterns a word is ASCII: pydantic's regular expressions take "\w" as all letters of
# Unicode, and 36 of them 10 ms to compile at each start.
WORD, ACCOUNT = "[A-Za-z0-9_-]", "[0-9]{12}"
TOPIC = rf"^arn:aws{WORD}*:sns:{WORD}+:{ACCOUNT}:{WORD}+$"
ROLE = rf"^arn:aws{WORD}*:iam::{ACCOUNT}:role/[A-Za-z0-9_+=,.@/-]+$"
KMS_KEY = rf"^((arn:aws{WORD}*:kms:{WORD}+:{ACCOUNT}:)?(key|alias)/[A-Za-z0-9_/-]+|{WORD}{{36}})$"
FAULT = (
    r"([A-Za-z]+:)?(throttle|quota|fail|unavailable|error=[A-Za-z0-9]+|hang-up|lose-answer"
    r"|slow=[0-9]+(\.[0-9]+)?|state=[A-Z_]+)(\*[0-9]{1,6})?"
)
FAULTS = rf"^{FAULT}(, ?{FAULT})*$"
ACCESS_KEY = re.compile(r"[\w+=.@-]{1,128}:.{16,}")
SQLITE = "sqlite:///"
DATABASE_URL = rf"^({SQLITE}|postgresql\+psycopg://)."


DEFAULT_QUESTIONS = (ROOT / "rubber-duck", ROOT / "questions" / "real-duck.toml")


class InvalidSettings(ValueError):
    """One line per invalid variable: its name and what it must be, never its value."""


def _from_root(path: Any) -> Any:
    return ROOT / path if isinstance(path, str | Path) else path


def _split(names: Any) -> Any:
    return tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else names


def _paths(names: Any) -> Any:
    return tuple(map(_from_root, _split(names)))


def _switch(value: Any) -> Any:
    """Return "off" and "on" for the 0 and 1 of other switches."""
    return {"0": "off", "1": "on", False: "off", True: "on"}.get(value, value)


def _check_database_url(url: str) -> str:
    if url.startswith(SQLITE):
        if "?" in url or url == f"{SQLITE}:memory:":
            raise ValueError("give only the file of a SQLite database")
        return url
    # Imported late: with SQLite, the first pages need not wait for SQLAlchemy.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("it is not a database URL") from None
    if "@" in (parsed.host or ""):
        raise ValueError("characters such as @ in its password must be percent-encoded")
    return url


def _check_rate_store(url: str) -> str:
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("it is not a Redis URL") from None
    return url


def _check_language(language: str) -> str:
    if language != "en" and not gettext.find("messages", TRANSLATIONS, [language]):
        raise ValueError(f"translations/ has no compiled catalogue for {language!r}")
    return language


def _check_access_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not all(ACCESS_KEY.fullmatch(key) for key in keys):
        raise ValueError("each must be ID:SECRET, with 16 characters or more in the secret")
    return keys


def _check_topics(arns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(TOPIC, arn) for arn in arns):
        raise ValueError("each must be the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:NAME")
    return arns


class Settings(BaseSettings):
    """The settings. The defaults run the whole site on one machine, without any account."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    bucket: Annotated[str | None, Field(pattern=BUCKET_NAME)] = Field(
        None,
        description="name of your private S3 bucket; with it, Amazon Rekognition answers",
    )
    region: str = Field(
        "eu-central-1",
        pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$",  # botocore decides, when the clients are made
        description="the AWS region of the bucket and of Rekognition",
    )
    kms_key: str | None = Field(
        None,
        pattern=KMS_KEY,
        description="ID, ARN or alias of the KMS key that encrypts pictures in the bucket; "
        "without it, the bucket's default encryption does",
    )
    database_url: Annotated[str, AfterValidator(_check_database_url)] = Field(
        "sqlite:///instance/duck.db",
        pattern=DATABASE_URL,
        repr=False,
        description="sqlite:///FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME",
    )
    uploads: Annotated[Path, AfterValidator(_from_root)] = Field(
        Path("uploads"), description="folder for pictures when there is no bucket"
    )
    engine: Literal["rekognition", "local"] | None = Field(
        None,
        description="rekognition, or local for the embedded detector; default: rekognition with a "
        "bucket, else local",
    )
    daily_calls: int = Field(
        1000, ge=0, description="maximum number of Rekognition calls per day (UTC)"
    )
    monthly_calls: int = Field(
        10_000, ge=0, description="maximum number of Rekognition calls per calendar month (UTC)"
    )
    daily_usd: float | None = Field(
        None,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="maximum spending on all services per day (UTC), in US dollars; default: 20, "
        "and what DUCK_DAILY_CALLS cost",
    )
    monthly_usd: float | None = Field(
        None,
        ge=0,
        le=10_000_000,
        allow_inf_nan=False,
        description="maximum spending on all services per calendar month (UTC), in US dollars; "
        "default: 200, and what DUCK_MONTHLY_CALLS cost",
    )
    prices: Annotated[FilePath | None, BeforeValidator(_from_root)] = Field(
        None,
        description="TOML file with prices that replace those of rubberduck/billing/prices.toml",
    )
    model_idle_minutes: int = Field(
        15,
        ge=1,
        le=1440,
        description="a running model of Amazon Rekognition Custom Labels that nobody asked for so "
        "many minutes is stopped",
    )
    model_hours: int = Field(
        8,
        ge=1,
        le=168,
        description="a running model of Amazon Rekognition Custom Labels is stopped after so many "
        "hours in any case, unless an operator extends it",
    )
    question: Annotated[FilePath | None, BeforeValidator(_from_root)] = Field(
        None, description="TOML file with a question that replaces the rubber duck"
    )
    questions: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)] = Field(
        (),
        description="comma-separated TOML files with the questions to choose from, the first is "
        "the default; rubber-duck stands for the built-in one; default: DUCK_QUESTION, or "
        "rubber-duck,questions/real-duck.toml",
    )
    max_bytes: int = Field(
        15_000_000, ge=10_000, le=100_000_000, description="maximum size of an upload, in bytes"
    )
    max_side: int = Field(
        2048, ge=320, le=8192, description="longest side of a stored picture, in pixels"
    )
    keep_days: int = Field(
        30, ge=1, le=3650, description="retention of pictures and results, in days"
    )
    visitor_bytes: int = Field(
        1_000_000_000,
        ge=1_000_000,
        description="maximum size of all pictures of one visitor that are stored, in bytes",
    )
    site_bytes: int | None = Field(
        None,
        ge=1_000_000,
        description="maximum size of everything stored for visitors and projects: pictures and "
        "videos, in bytes; default: no limit",
    )
    share_answers: bool = Field(
        False,
        description="reuse answers to the same file across visitors (1 or 0): saves calls, but the "
        "speed tells a visitor that somebody else sent this very file",
    )
    secret_key: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="secret that signs the visitors' cookies, at least 16 random characters; "
        "default with neither bucket nor PostgreSQL: the file instance/secret_key",
    )
    hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="comma-separated allowed host names; default: localhost, IP addresses and the "
        "machine's own name, or any name with DUCK_PROXIES",
    )
    proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="number of trusted proxies that set X-Forwarded-For and X-Forwarded-Proto",
    )
    uploads_a_minute: int = Field(
        60,
        ge=0,
        description="maximum number of uploads per minute and visitor; 0 disables the limit",
    )
    rate_store: Annotated[str, AfterValidator(_check_rate_store)] = Field(
        "memory://",
        pattern=r"^(memory://|redis(s|\+unix)?://.+)$",
        repr=False,
        description="store of the rate limits: memory://, separate for each process, "
        "or redis://:PASSWORD@HOST, shared by all",
    )
    link_seconds: int = Field(
        900, ge=60, le=3600, description="lifetime of a link to a picture in the bucket, in seconds"
    )
    language: Annotated[str, AfterValidator(_check_language)] = Field(
        "en",
        pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$",
        description="language of pages, answers and errors: en, de, sv or another with a catalogue "
        "in translations/; earlier results keep theirs",
    )
    oidc_issuer: str | None = Field(
        None,
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[^?#\s]+$",
        description="address of an OpenID provider, at which operators sign in, such as "
        "https://cognito-idp.REGION.amazonaws.com/POOL",
    )
    oidc_client_id: str | None = Field(
        None, description="the id of this site at the OpenID provider"
    )
    oidc_client_secret: str | None = Field(
        None,
        repr=False,
        description="the secret of this site at the OpenID provider, if it has one",
    )
    oidc_scope: str = Field(
        "openid profile email",
        pattern=r"^openid( .+)?$",
        description="what the site asks of the OpenID provider; some need groups as well",
    )
    oidc_claim: str = Field(
        "groups",
        min_length=1,
        description="the claim that says who may sign in; Cognito: cognito:groups; email: by "
        "verified addresses",
    )
    oidc_operators: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("operators",), description="comma-separated values of the claim that make an operator"
    )
    oidc_labellers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("labellers",),
        description="comma-separated values of the claim that make a labeller, who only labels "
        "pictures",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="log level")
    worker_jobs: int = Field(
        2, ge=1, le=64, description="number of jobs that a worker runs at the same time"
    )
    worker_memory: int | None = Field(
        None,
        ge=200,
        le=1_000_000,
        description="memory limit of each process of a worker, in megabytes; default: half of the "
        "machine's memory",
    )
    min_free_disk: int = Field(
        10,
        ge=0,
        le=100,
        description="percentage of the disk below which jobs that need much of it wait; visitors' "
        "pictures are still taken",
    )
    owner_jobs: int = Field(
        20, ge=1, le=10_000, description="number of jobs of one owner that may wait or run"
    )
    owner_running_jobs: int = Field(
        2, ge=1, le=64, description="number of jobs of one owner that run at the same time"
    )
    custom_labels: bool = Field(
        False,
        description="1 lets operators train and run models at Amazon Rekognition Custom Labels, "
        "which costs money; needs DUCK_BUCKET",
    )
    scheduler_role: str | None = Field(
        None,
        pattern=ROLE,
        description="ARN of the role by which Amazon EventBridge Scheduler stops a model at its "
        "ceiling, also when this site is off",
    )
    project_pictures: int = Field(
        10_000, ge=1, le=250_000, description="maximum number of pictures of a project"
    )
    project_bytes: int = Field(
        10_000_000_000, ge=1_000_000, description="maximum size of a project's pictures, in bytes"
    )
    archive_bytes: int = Field(
        1_000_000_000,
        ge=1_000_000,
        description="maximum size of a ZIP, or of one form with pictures, sent to a project, in "
        "bytes",
    )
    video_bytes: int = Field(
        500_000_000,
        ge=1_000_000,
        le=10_000_000_000,
        description="maximum size of a video, in bytes",
    )
    video_minutes: int = Field(
        60, ge=1, le=1440, description="maximum length of a video, in minutes"
    )
    video_pixels: int = Field(
        8_900_000,
        ge=76_800,
        le=36_000_000,
        description="maximum number of pixels of a video's frame; the default allows 4096 x 2160",
    )
    video_rate: float = Field(
        5.0,
        ge=0.1,
        le=60,
        allow_inf_nan=False,
        description="frames of a video that are analysed for each second of it",
    )
    video_owner_bytes: int = Field(
        2_000_000_000,
        ge=1_000_000,
        le=1_000_000_000_000,
        description="maximum size of all videos that a visitor has stored, in bytes",
    )
    video_owner_waiting: int = Field(
        5,
        ge=1,
        le=1000,
        description="number of videos of one visitor that may be on their way, wait or be analysed "
        "at the same time",
    )
    events_input: str | None = Field(
        None,
        pattern=S3_ADDRESS,
        description="s3://BUCKET/PREFIX where pictures arrive; needs DUCK_EVENTS_OUTPUT",
    )
    events_output: str | None = Field(
        None,
        pattern=S3_ADDRESS,
        description="s3://BUCKET/PREFIX for the answers to pictures that arrive: a marked picture "
        "and a JSON file each",
    )
    events_queue: str | None = Field(
        None,
        pattern=QUEUE_URL,
        description="URL of the Amazon SQS queue with the events of DUCK_EVENTS_INPUT, which the "
        "worker answers",
    )
    events_dead_queue: str | None = Field(
        None,
        pattern=QUEUE_URL,
        description="URL of the Amazon SQS queue that takes events which failed five times, with "
        "the reason",
    )
    rekognition_video: bool = Field(
        False,
        description="1 lets operators have whole videos analysed by Amazon Rekognition Video, "
        "which costs money; needs DUCK_BUCKET",
    )
    video_topic: str | None = Field(
        None,
        pattern=TOPIC,
        description="ARN of the SNS topic to which Rekognition Video says that it has ended; only "
        "saves waiting",
    )
    video_role: str | None = Field(
        None,
        pattern=ROLE,
        description="ARN of the role by which Rekognition Video writes to that topic",
    )
    video_queue: str | None = Field(
        None,
        pattern=QUEUE_URL,
        description="URL of the Amazon SQS queue that the topic sends to",
    )
    faces: Annotated[Literal["off", "on", "all"], BeforeValidator(_switch)] = Field(
        "off",
        description="1 offers the game “Faces”: smiles, expressions and ages of the faces in a "
        "picture, to visitors who agree; all: what gender they look like, too. Mind the law: the "
        "EU prohibits inferring emotions at work and in schools (AI Act, Article 5(1)(f)); "
        "elsewhere people must be told (Article 50)",
    )
    celebrities: bool = Field(
        False,
        description="1 offers visitors who agree to have Amazon Rekognition name celebrities in a "
        "picture; needs DUCK_ENGINE=rekognition or DUCK_BUCKET, since nothing else can",
    )
    emulator: bool = Field(
        False,
        description="1 answers Amazon Rekognition's own protocol at /aws/rekognition with the "
        "embedded engines, for programs on the same machine",
    )
    emulator_keys: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_access_keys)
    ] = Field(
        (),
        repr=False,
        description="comma-separated ID:SECRET, access keys of your own making; with them, the "
        "emulator also answers other machines, and checks every signature",
    )
    emulator_buckets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="comma-separated S3 buckets that the emulator may read and write"
    )
    emulator_topics: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_topics)
    ] = Field(
        (),
        description="comma-separated ARNs of SNS topics to which the emulator may say that a video "
        "is analysed",
    )
    emulator_delay: float = Field(
        0.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="seconds that models, data sets and jobs of the emulator stay in a state such "
        "as STARTING, at least",
    )
    emulator_quota: int = Field(
        0,
        ge=0,
        le=100_000,
        description="calls a second of each operation of the emulator, beyond which it throttles; "
        "0: no limit",
    )
    emulator_faults: str | None = Field(
        None,
        pattern=FAULTS,
        description="faults that the emulator makes first, such as DetectLabels:throttle*3,hang-up",
    )
    face_collections: bool = Field(
        False,
        description="1 lets operators store the faces of people who consented at Amazon "
        "Rekognition, to find them in other pictures; needs DUCK_FACES and Rekognition. A face "
        "vector is biometric data: in the EU, GDPR Article 9 asks for explicit consent, and more",
    )
    face_keep_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="retention of faces stored at Amazon, and of the consents, in days",
    )
    metrics: bool = Field(False, description="1 serves metrics for Prometheus at /metrics")
    metrics_token: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="bearer token that /metrics requires, at least 16 random characters; default: "
        "only clients on the same machine are answered",
    )

    @property
    def answering_engine(self) -> Literal["rekognition", "local"]:
        return self.engine or ("rekognition" if self.bucket else "local")

    @property
    def offered_questions(self) -> tuple[Path, ...]:
        """Return the files of the questions to choose from, the default first."""
        listed = ((self.question,) if self.question else ()) + self.questions
        return tuple(dict.fromkeys(listed)) or DEFAULT_QUESTIONS

    @property
    def is_switched_off(self) -> bool:
        """Return whether DUCK_ENGINE switches Rekognition off although there is a bucket."""
        return self.bucket is not None and self.engine == "local"

    def describe(self) -> dict[str, str]:
        """Return each variable with its value, without secrets."""
        return {
            PREFIX + name.upper(): (
                ("set" if name in self.model_fields_set else "default")
                + (f", {_format(getattr(self, name))}" if field.repr else ", not shown")
            )
            for name, field in Settings.model_fields.items()
        }


def _format(value: object) -> str:
    """
    >>> _format(0), _format(None), _format(("duck.example", "www.duck.example"))
    ('0', 'none', 'duck.example,www.duck.example')
    """
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
