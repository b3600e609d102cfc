"""The site while a job runs beside it, compared with the same site while its worker idles."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench.harness.figures import Aim, Measured
from bench.harness.fixtures import BROWSER_MEGAPIXELS, photo
from bench.harness.load import Visit, measure_latencies, upload
from bench.harness.measuring import Sample, compare
from bench.harness.servers import Server, run_site
from rubberduck.core.errors import JobEnded
from rubberduck.core.settings import ROOT
from rubberduck.db.engine import Database
from rubberduck.jobs.models import ACTIVE
from rubberduck.jobs.queue import JobQueue
from rubberduck.services.training_queue import queue_training
from rubberduck.storage.folder import FolderStorage
from tests.support.objects import draw_project
from tests.support.server import running
from tests.support.trained_projects import create_project

PICTURES = "/api/v1/pictures"
TRAINING_PICTURES = 60
RATE = 1.0  # visitors' pictures a second, which leave the processors time
SECONDS = 20.0  # a training of so many pictures takes 40 s where nothing else runs
PATIENCE, POLL = 300.0, 0.2  # seconds


def while_training(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    """The time that 19 of 20 visitors wait for an answer at most, while a model is trained.

    Pictures arrive at a steady rate, whether the earlier ones are answered or not. In each round
    a training of 60 pictures with boxes is begun, and cancelled after the measurement.
    """
    with TemporaryDirectory() as folder, site_with_worker(Path(folder)) as (site, trainings):
        visit = upload(PICTURES, photo(BROWSER_MEGAPIXELS))
        sides = {
            "while a training runs": lambda: trainings.measure(site, visit, seconds),
            "without": lambda: percentile_95(site, visit, seconds),
        }
        what = f"95th percentile of answers, {RATE:g} photo of 2048 × 1536 a second"
        yield compare(what, "ms", sides, rounds, Aim(1.5))


def percentile_95(site: Server, visit: Visit, seconds: float) -> Sample:
    """Return the 95th percentile of the latencies in milliseconds, and the CPU of an answer."""
    found = measure_latencies(site, visit, RATE, seconds)
    return Sample(1000 * quantiles(found.latencies, n=20)[-1], found.rate().cpu)


class Trainings:
    """Trainings of a project, one after the other, none of which comes to its end."""

    def __init__(self, database: Database, storage: FolderStorage) -> None:
        self.database, self.queue = database, JobQueue(database, 9)
        self.project = create_project(database, storage, draw_project(TRAINING_PICTURES))

    def measure(self, site: Server, visit: Visit, seconds: float) -> Sample:
        id = queue_training(self.queue, self.database, self.project, "bench")
        try:
            self._wait(id, lambda: self.queue.get(id).progress > 0)
            sample = percentile_95(site, visit, seconds)
            if self.queue.get(id).state not in ACTIVE:
                raise RuntimeError(f"the training ended before the measurement: {id}")
        finally:
            with suppress(JobEnded):
                self.queue.store.cancel(id)
        time.sleep(2)  # so that its process has ended
        return sample

    def _wait(self, id: str, has_begun: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not has_begun():
            if time.monotonic() > end or self.queue.get(id).state not in ACTIVE:
                raise RuntimeError(f"the training did not begin: {self.queue.get(id)}")
            time.sleep(POLL)


@contextmanager
def site_with_worker(folder: Path) -> Iterator[tuple[Server, Trainings]]:
    """Serve our site with its worker, as `make run` does."""
    url, uploads = f"sqlite:///{folder}/duck.db", folder / "uploads"
    own = {"DUCK_DATABASE_URL": url, "DUCK_UPLOADS": str(uploads), "DUCK_MIN_FREE_DISK": "0"}
    with run_site(**own) as site:
        environment = {**site.process.environ(), **own}
        command, log = [sys.executable, "worker.py"], folder / "worker.log"
        database = Database(url)
        try:
            with running(command, ROOT, environment, log):
                yield site, Trainings(database, FolderStorage(uploads))
        finally:
            database.close()
