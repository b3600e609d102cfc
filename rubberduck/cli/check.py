"""`flask check`: verify settings, database, storage and detector."""

import secrets
import sys
from collections.abc import Callable, Mapping
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from rubberduck.cli.jobs import NO_WORKER
from rubberduck.cli.terminal import HELP
from rubberduck.core.errors import DuckError
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.core.settings_loading import unknown_variables
from rubberduck.imaging.decode import start_decoder
from rubberduck.jobs.models import QUEUED, RUNNING
from rubberduck.storage.base import JPEG
from rubberduck.storage.s3 import S3Storage
from rubberduck.videos.keys import original_key
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.operators import provider
from rubberduck.web.rate_limits import check_rate_store


@click.command("check", context_settings=HELP)
@with_appcontext
def check() -> None:
    """Check settings, database, storage and detectors.

    Also checks the rate limit store and the decoding process. Exit status: 1 if there is a
    problem.

    \b
    Example:
      flask check
    """
    settings = cast(Settings, current_app.extensions["settings"])
    for name, shown in settings.describe().items():
        click.echo(f"ok     {name}: {shown}")
    if settings.proxies and not settings.hosts:
        click.echo(
            "warn   DUCK_HOSTS: not set, so the site accepts any host name; set it to the names "
            "that visitors use."
        )
    problems = 0
    for name, similar in unknown_variables().items():
        advice = f"did you mean {similar}?" if similar else "remove it."
        click.echo(f"wrong  {name}: there is no such setting; {advice}")
        problems += 1
    problems += _print_outcomes(_checks())
    problems += _check_decoder() + _check_jobs() + _check_custom_labels() + _check_events()
    problems += _check_video() + _check_celebrities() + _check_collections() + _check_faces()
    sys.exit(1 if problems else 0)


def _print_outcomes(checks: Mapping[str, Callable[[], None]]) -> int:
    """Make the checks, which raise DuckError, and print their outcomes; return the failures."""
    problems = 0
    for name, check_component in checks.items():
        try:
            check_component()
        except DuckError as error:
            click.echo(f"wrong  {name}: {error.operator_message}")
            problems += 1
        else:
            click.echo(f"ok     {name}")
    return problems


def _checks() -> dict[str, Callable[[], None]]:
    """Return the check of each component by its name; a check raises DuckError."""
    checks = {
        "database": _check_database,
        f"storage, {pipeline().storage.where}": _check_storage,
        f"detector, {pipeline().detector.name}": pipeline().detector.check,
        "rate limit store": check_rate_store,
    }
    if openid := provider():
        checks[f"sign-in at {openid.host}"] = openid.check
    if fallback_detector := pipeline().fallback_detector:
        checks[f"fallback detector, {fallback_detector.name}"] = fallback_detector.check
    return checks


def _check_events() -> int:
    """Print whether pictures that arrive in a bucket are answered; return 1 if not."""
    try:
        if (poller := current_app.extensions["open_event_poller"]()) is None:
            return 0
        poller.check()
    except (DuckError, InvalidSettings) as error:
        cause = error.operator_message if isinstance(error, DuckError) else error
        click.echo(f"wrong  pictures that arrive: {cause}")
        return 1
    click.echo("ok     pictures that arrive: queue, answers and claims")
    return 0


def _check_decoder() -> int:
    """Start a decoding child and print what it cannot reach; return 1 if it does not start.

    A protection that the kernel lacks is not a problem: limits on memory, time and descriptors
    always hold.
    """
    try:
        protections = start_decoder()
    except DuckError as error:
        click.echo(f"wrong  decoding process: {error.operator_message}")
        return 1
    for name, holds in protections.items():
        click.echo(f"ok     decoding process, {name}" + ("" if holds else ": not on this system"))
    return 0


def _check_jobs() -> int:
    """Print whether jobs can run; return 1 if they cannot. Without a worker they only wait."""
    try:
        job_queue().check()
        waiting = job_queue().store.count()
        workers = job_queue().executors.living()
    except DuckError as error:
        click.echo(f"wrong  jobs: {error.operator_message}")
        return 1
    if workers:
        click.echo(f"ok     jobs, number of workers: {len(workers)}")
    else:
        click.echo(f"warn   jobs, {waiting[QUEUED] + waiting[RUNNING]} waiting: {NO_WORKER}.")
    return 0


def _check_custom_labels() -> int:
    """Print which rights Custom Labels lacks, if it is on; return the number of problems."""
    site = pipeline()
    if site.open_custom_labels is None:
        return _check_no_model_runs()
    checks = {"training pictures in the bucket": _check_training_rights}
    checks["Custom Labels"] = site.custom_labels.check
    if schedules := site.stop_schedules:
        checks["stops by EventBridge Scheduler"] = schedules.check
    problems = _print_outcomes(checks)
    if schedules is None:
        click.echo(
            "warn   DUCK_SCHEDULER_ROLE: not set, so a running model bills on if this site is off."
        )
    return problems


def _check_video() -> int:
    """Print which rights Rekognition Video lacks, if it is on; return the number of problems."""
    site = pipeline()
    amazon, storage = site.amazon_video, site.storage
    if amazon is None or amazon.open_service is None or not isinstance(storage, S3Storage):
        return 0
    service, bucket = amazon.open_service(), storage.bucket
    checks: dict[str, Callable[[], None]] = {"Rekognition Video": lambda: service.check(bucket)}
    if amazon.open_notices is not None:
        checks["notices of Rekognition Video"] = amazon.open_notices().check
    return _print_outcomes(checks)


def _check_celebrities() -> int:
    """Print whether celebrities may be asked for, if they are on; return 1 if not."""
    if pipeline().open_celebrities is None:
        return 0
    return _print_outcomes({"celebrities in pictures": pipeline().celebrities.check})


def _check_collections() -> int:
    """Print which rights face collections lack, or that faces are left at Amazon; count them."""
    site = pipeline()
    if site.open_collections is not None:
        return _print_outcomes({"face collections": site.collections.remote.check})
    from rubberduck.db.indexed_people import IndexedPeople

    try:
        stored = sum(IndexedPeople(site.results.database).counts().values())
    except DuckError:
        return 0  # the check of the database says it
    if not stored:
        return 0
    click.echo(
        f"wrong  face collections: the faces of {stored} people are at Amazon, where nothing "
        "deletes them in time. Set DUCK_FACE_COLLECTIONS=1 until they are deleted."
    )
    return 1


def _check_faces() -> int:
    """Print whether Amazon may be asked about faces, if it is to be; return 1 if not."""
    if (open_faces := pipeline().open_faces) is None:
        return 0
    finders = open_faces()
    return 0 if finders.amazon is None else _print_outcomes({"faces": finders.amazon.check})


def _check_no_model_runs() -> int:
    """Print if models may run at Amazon although Custom Labels is off; return 1 then."""
    from rubberduck.db.model_activity import may_cost

    try:
        if not may_cost(pipeline().results.database):
            return 0
    except DuckError:
        return 0  # the check of the database says it
    click.echo(
        "wrong  Custom Labels: models may run at Amazon and bill on. Set DUCK_CUSTOM_LABELS=1 "
        "until they are stopped."
    )
    return 1


def _check_training_rights() -> None:
    storage, key = pipeline().storage, f"projects/check-{secrets.token_urlsafe(8)}"
    if isinstance(storage, S3Storage):
        storage.put(key, b"not really a picture")
        storage.check_training(key)
        storage.delete(key)


def _check_database() -> None:
    pipeline().results.check()
    pipeline().results.database.check_integrity()
    if pipeline().results.database.is_pooled():
        click.echo("ok     database: PostgreSQL through a pooler such as PgBouncer")


def _check_storage() -> None:
    """Use every operation of the storage, to find missing permissions before a visitor does."""
    storage, key = pipeline().storage, f"check-{secrets.token_urlsafe(8)}"
    storage.check()
    storage.put(key, b"not really a picture")
    storage.get(key)
    if isinstance(storage, S3Storage):
        _check_versions(storage, key)
        storage.abort_multipart(storage.begin_multipart(original_key(key), JPEG))
    storage.delete(key)


def _check_versions(storage: S3Storage, key: str) -> None:
    """Warn only: nothing needs these rights unless somebody turns versioning on."""
    try:
        storage.check_versions(key)
    except DuckError as error:
        click.echo(
            "warn   storage: if its bucket is versioned, deleted pictures remain as versions: "
            f"{error.operator_message}"
        )
