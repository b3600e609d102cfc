"""The fake as a whole: validate, throttle, do, validate; and what a test may order or ask."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.support.custom_labels import (
    celebrities,
    collections,
    datasets,
    faces,
    versions,
    videos,
    wire,
)
from tests.support.custom_labels.clock import Clock, Throttle
from tests.support.custom_labels.faults import LOSE_ANSWER, LOSE_REQUEST, Faults, Lost, Refused
from tests.support.custom_labels.state import Project, Version
from tests.support.custom_labels.world import World

Operation = Callable[[World, dict[str, Any]], dict[str, Any]]
DETECT = "DetectCustomLabels"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


OPERATIONS: dict[str, Operation] = {
    name: function
    for name in wire.operation_names()
    for module in (datasets, versions, videos, celebrities, collections, faces)
    if (function := getattr(module, _snake(name), None))
}


class FakeCustomLabels:
    """`calls` counts requests by operation, `mistakes` are answers of its own that are wrong."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = World(self.clock)
        self.faults = Faults()
        self.throttle = Throttle(self.clock)
        self.detect_throttle = Throttle(self.clock, rate=50)
        self.calls: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()  # by code
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.mistakes: list[str] = []
        self._lock = threading.RLock()

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return what the service answers. Raises Refused and Lost."""
        with self._lock:
            self.calls[operation] += 1
            try:
                return self._answer(operation, request)
            except Refused as error:
                self.refusals[error.code] += 1
                raise
            finally:
                self.clock.advance(self.clock.per_call)

    def _answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation not in OPERATIONS:
            raise Refused("UnknownOperationException")
        fault = self.faults.next(operation)
        if fault == LOSE_REQUEST:
            raise Lost
        if fault and fault != LOSE_ANSWER:
            raise Refused(fault)
        throttle = self.detect_throttle if operation == DETECT else self.throttle
        if not throttle.allows(operation):
            raise Refused("ThrottlingException", "Rate exceeded")
        request = wire.decoded(operation, request)
        if found := wire.request_problems(operation, request):
            raise Refused("InvalidParameterException", "; ".join(found))
        self.requests.append((operation, request))
        if operation.startswith(("Describe", "Get")):
            self.clock.advance(self.clock.per_describe)
        self._settle()
        try:
            answer = OPERATIONS[operation](self.world, request)
        except Refused as error:
            if error.code not in wire.error_codes(operation):
                self.mistakes.append(f"{operation} never answers {error.code}")
            raise
        self._settle()
        self.mistakes += wire.response_problems(operation, answer)
        if fault == LOSE_ANSWER:
            raise Lost
        return answer

    def advance(self, seconds: float) -> None:
        """Move the clock and all states that depend on it."""
        with self._lock:
            self.clock.advance(seconds)
            self._settle()

    def _settle(self) -> None:
        self.world.settle()
        now = self.clock.now
        for version in self.world.versions():
            if version.running_since is not None:
                version.billed_unit_seconds += version.units * (now - version.running_since)
            version.running_since = now if version.state == "RUNNING" else None

    @property
    def videos(self) -> videos.Videos:
        """Return what videos show, and the jobs that look for it."""
        return videos.videos_of(self.world)

    @property
    def celebrities(self) -> celebrities.Celebrities:
        """Return who is in every picture."""
        return celebrities.celebrities_of(self.world)

    @property
    def collections(self) -> collections.Collections:
        """Return the face collections, and who is in every picture."""
        return collections.collections_of(self.world)

    @property
    def faces(self) -> faces.Faces:
        """Return the faces of every picture."""
        return faces.faces_of(self.world)

    def version(self, name: str) -> Version:
        """Return the version of this name, of whatever project."""
        (found,) = [version for version in self.world.versions() if version.name == name]
        return found

    def left_running(self) -> list[str]:
        """Return the names of versions that bill, or will by themselves."""
        return [v.name for v in self.world.versions() if v.state in ("STARTING", "RUNNING")]

    def add_project(self, name: str = "mugs") -> Project:
        """Make a project behind the API's back."""
        arn = datasets.create_project(self.world, {"ProjectName": name})["ProjectArn"]
        return self.world.project(arn)

    def add_version(
        self, name: str = "v1", state: str = "TRAINING_COMPLETED", project: str = "mugs"
    ) -> Version:
        """Make a version in any of the 14 states behind the API's back, and its project."""
        with self._lock:
            known = [each for each in self.world.projects.values() if each.name == project]
            owner = known[0] if known else self.add_project(project)
            arn = self.world.arn(f"project/{project}/version/{name}")
            output = {"S3Bucket": "ducks-of-the-tests", "S3KeyPrefix": "models"}
            version = Version(arn, self.clock.now, state, name=name, output=output)
            version.thresholds = {"mug": 0.5}
            version.units = 1
            owner.versions[name] = version
            return version
