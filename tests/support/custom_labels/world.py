"""All that an account has at the fake, found by its ARNs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.custom_labels.clock import Clock
from tests.support.custom_labels.faults import Refused
from tests.support.custom_labels.state import ACCOUNT, REGION, Dataset, Project, Timed, Version

if TYPE_CHECKING:
    from tests.support.custom_labels.celebrities import Celebrities
    from tests.support.custom_labels.collections import Collections
    from tests.support.custom_labels.faces import Faces
    from tests.support.custom_labels.videos import Videos

MAX_TRAININGS = MAX_RUNNING = 2
MAX_UNITS = 5
MAX_PROJECTS = MAX_VERSIONS = 100
PAGE = 100
ACTIVE = ("STARTING", "RUNNING", "STOPPING")


def default_durations() -> dict[str, float]:
    """Return how many seconds each state lasts that ends by itself."""
    minutes = {"training": 60, "starting": 10, "stopping": 2, "video": 1}
    return {"dataset": 30, "deleting": 30, **{name: 60.0 * n for name, n in minutes.items()}}


@dataclass
class World:
    """`detections` is what every model answers, in place of what it has learnt."""

    clock: Clock
    durations: dict[str, float] = field(default_factory=default_durations)
    projects: dict[str, Project] = field(default_factory=dict)  # by ARN
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    detections: list[dict[str, Any]] | None = None
    training_error: str | None = None  # the next training fails with this code
    trainings: Counter[str] = field(default_factory=Counter)  # begun, by ARN of the version
    f1_score: float = 0.8
    videos: "Videos | None" = None  # see videos.py
    celebrities: "Celebrities | None" = None  # see celebrities.py
    collections: "Collections | None" = None  # see collections.py
    faces: "Faces | None" = None  # see faces.py
    _numbers: int = 1_764_000_000_000

    def arn(self, path: str) -> str:
        self._numbers += 1
        return f"arn:aws:rekognition:{REGION}:{ACCOUNT}:{path}/{self._numbers}"

    def settle(self) -> None:
        for timed in list(self._everything()):
            timed.settle(self.clock.now)

    def _everything(self) -> Iterator[Timed]:
        for project in list(self.projects.values()):
            yield from list(project.versions.values())
            yield from list(project.datasets.values())
            yield project
        yield from list(self.videos.jobs.values()) if self.videos else ()

    def versions(self) -> list[Version]:
        return [
            version for project in self.projects.values() for version in project.versions.values()
        ]

    def project(self, arn: str) -> Project:
        if arn not in self.projects:
            raise Refused("ResourceNotFoundException", f"There is no project {arn}")
        return self.projects[arn]

    def dataset(self, arn: str) -> tuple[Project, Dataset]:
        for project in self.projects.values():
            for dataset in project.datasets.values():
                if dataset.arn == arn:
                    return project, dataset
        raise Refused("ResourceNotFoundException", f"There is no dataset {arn}")

    def version(self, arn: str) -> tuple[Project, Version]:
        for project in self.projects.values():
            for version in project.versions.values():
                if version.arn == arn:
                    return project, version
        raise Refused("ResourceNotFoundException", f"There is no version {arn}")

    def due(self, what: str) -> float:
        return self.clock.now + self.durations[what]


def page(items: Iterable[Any], request: dict[str, Any], most: int = PAGE) -> tuple[list[Any], Any]:
    """Return one page of the items, and the members with the token of the next one."""
    token = request.get("NextToken", "from-0")
    if not token.startswith("from-") or not token[5:].isdigit():
        raise Refused("InvalidPaginationTokenException")
    start, everything = int(token[5:]), list(items)
    end = start + request.get("MaxResults", most)
    return everything[start:end], {"NextToken": f"from-{end}"} if end < len(everything) else {}
