"""The worker: runs the jobs beside the site. `python worker.py`; ends with SIGTERM or Ctrl+C.

`--step` is how it starts a child for one step of a job.
"""

import errno
import importlib
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rubberduck.core.settings import Settings
    from rubberduck.db.engine import Database
    from rubberduck.jobs.engine import JobEngine

log = logging.getLogger("rubberduck.worker")
# The modules whose functions are jobs.
JOB_MODULES = (
    "rubberduck.emulator.dataset_jobs",
    "rubberduck.emulator.training_jobs",
    "rubberduck.emulator.video_jobs",
    "rubberduck.events.bucket_run",
    "rubberduck.services.schedules",
    "rubberduck.services.aws_training",
    "rubberduck.services.frames_into_projects",
    "rubberduck.services.project_imports",
    "rubberduck.services.project_jobs",
    "rubberduck.services.training",
    "rubberduck.services.video_analysis",
    "rubberduck.services.video_paid_job",
    "rubberduck.services.video_rendering",
)
CANNOT_START = 78  # EX_CONFIG of sysexits.h: starting it again would not help
TRY_LATER = 75  # EX_TEMPFAIL: the database does not answer, or the disk is full
# In a driver's message: the schema is missing or of another version, the folder is not writable, or
# the file is damaged.
LASTING = (
    "db_setup.py",
    "does not exist",
    "no such table",
    "no such column",
    "unable to open",
    "readonly",
    "permission denied",
    "file is not a database",
    "malformed",
)
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
STOP_SECONDS = 10
STEP = "--step"


def main() -> None:
    # Before numpy loads: more threads make small matrices slower, and take the site's processors.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if sys.argv[1:] == [STEP]:
        # Nothing else is imported: a step starts in a fraction of a second.
        from rubberduck.jobs import child

        child.main(_build_site)
    else:
        from rubberduck.jobs.priority import yield_to_site

        yield_to_site()
        _command(prog_name="worker.py")


def _build_site() -> Any:
    """Return the site's parts for a step that needs them."""
    from composition import build_pipeline

    return build_pipeline(_load_settings())


def _load_settings() -> "Settings":
    from rubberduck.core.settings_loading import load_settings
    from rubberduck.web.logging import configure_server_logging

    settings = load_settings()
    configure_server_logging(settings.log_level)
    return settings


def _command(**options: Any) -> None:
    import click

    @click.command(context_settings={"help_option_names": ["-h", "--help"]})
    @click.option("--also", multiple=True, metavar="MODULE", help="A further module with jobs.")
    def command(also: tuple[str, ...]) -> None:
        """Run the jobs of this site until SIGTERM or Ctrl+C.

        \b
        Example:
          python worker.py
        """
        from rubberduck.core.settings import InvalidSettings

        try:
            settings = _load_settings()
        except InvalidSettings as error:
            _cannot_start(str(error))
        _serve(settings, also)

    command(**options)


def _serve(settings: "Settings", also: Sequence[str]) -> None:
    from rubberduck.core.errors import DuckError
    from rubberduck.core.resources import available_memory
    from rubberduck.core.settings import ROOT
    from rubberduck.db.engine import Database
    from rubberduck.jobs.child import limit_memory
    from rubberduck.jobs.engine import JobEngine
    from rubberduck.jobs.executors import claim_id
    from rubberduck.jobs.steps import Steps
    from rubberduck.jobs.store import JobStore
    from rubberduck.jobs.system_database import system_folder
    from rubberduck.services.training_queue import queue_retrainings

    for module in (*JOB_MODULES, *also):
        importlib.import_module(module)
    megabytes = settings.worker_memory or available_memory() // 2_000_000
    limit_memory(megabytes)
    database = Database(settings.database_url)
    try:
        id, _lock = claim_id(system_folder(settings.database_url) / "executors")
        store = JobStore(database)
        store.count()  # the database is there, and of this version
        command = [sys.executable, str(ROOT / "worker.py"), STEP]
        steps = Steps(store, command, megabytes, id)
        steps.delete_left_files()
        engine = JobEngine(
            database,
            settings.database_url,
            id,
            steps,
            at_once=settings.worker_jobs,
            at_once_per_owner=settings.owner_running_jobs,
            min_free_disk=settings.min_free_disk,
            folders=_filled_folders(settings),
        )
        _stop_at_signals(engine)  # before it starts: what it then runs is ended in order
        engine.start()
        queue_retrainings(database, store)
    except DuckError as error:
        _cannot_start(error.operator_message, status_of(error.operator_message))
    except OSError as error:
        _cannot_start(str(error), CANNOT_START if error.errno in UNWRITABLE else TRY_LATER)

    stop_watching = _watch_models(settings, database)
    stop_polling = _poll_events(settings)

    status = 1
    try:
        engine.serve()
        status = 0
    finally:
        if status:
            log.critical("worker failed", exc_info=True)
        stop_watching()
        stop_polling()
        engine.close()
        database.close()
        logging.shutdown()
        os._exit(status)  # the engine's threads may wait for children that have ended


def _filled_folders(settings: "Settings") -> list[Path]:
    """Return the folders that jobs fill, which may be on disks of their own."""
    from rubberduck.jobs.system_database import system_folder

    folders = [system_folder(settings.database_url), Path(tempfile.gettempdir())]
    return [*folders, settings.uploads] if settings.bucket is None else folders


def _stop_at_signals(engine: "JobEngine") -> None:
    def stop(*_: object) -> None:
        engine.stop()
        signal.alarm(STOP_SECONDS)  # ends this process if the engine waits for a database

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)


def _watch_models(settings: "Settings", database: "Database") -> Callable[[], None]:
    """Watch the models at Amazon in a thread; return a function that ends this."""
    if not settings.custom_labels:
        _warn_of_models(database)
        return lambda: None
    from composition import build_pipeline
    from rubberduck.services.model_watch import ModelWatch, build_hosting

    pipeline, stopping = build_pipeline(settings), threading.Event()
    watch = ModelWatch(lambda: pipeline.results.database, lambda: build_hosting(pipeline, settings))
    thread = threading.Thread(
        target=watch.run_forever, args=[stopping], name="model-leases", daemon=True
    )
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(STOP_SECONDS / 2)
        pipeline.close()

    return stop


def _poll_events(settings: "Settings") -> Callable[[], None]:
    """Answer the pictures that arrive in a bucket, in threads; return a function that ends this."""
    if settings.events_queue is None:
        return lambda: None
    from composition import build_event_poller, build_pipeline
    from rubberduck.core.settings import InvalidSettings

    pipeline, stopping = build_pipeline(settings), threading.Event()
    try:
        poller = build_event_poller(settings, pipeline)
    except InvalidSettings as error:
        _cannot_start(str(error))
    assert poller
    thread = threading.Thread(
        target=poller.run_forever, args=[stopping], name="events", daemon=True
    )
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(STOP_SECONDS / 2)
        pipeline.close()

    return stop


def _warn_of_models(database: "Database") -> None:
    """Log that models may run at Amazon while Custom Labels is off, so that nothing stops them."""
    from rubberduck.core.errors import DuckError
    from rubberduck.db.model_activity import may_cost

    try:
        if may_cost(database):
            log.error("models may run at Amazon, and are not stopped: set DUCK_CUSTOM_LABELS=1")
    except DuckError as error:
        log.warning("models not looked at cause=%s", error.operator_message)


def status_of(cause: str) -> int:
    """Return the exit status for what a database refused: CANNOT_START or TRY_LATER."""
    return CANNOT_START if any(part in cause for part in LASTING) else TRY_LATER


def _cannot_start(reason: str, status: int = CANNOT_START) -> NoReturn:
    sys.stderr.write(f"The worker does not start. {reason}\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
