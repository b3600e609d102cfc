"""A job's context in this process: outcomes are kept as JSON, and sleeps move the fake's clock."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rubberduck.core.errors import DuckError
from rubberduck.jobs.child import Task
from rubberduck.jobs.context import StepFailed


@dataclass
class JobSteps:
    """As jobs.context.Context. `site` is what the steps use, `sleep` is called with seconds.

    The first outcome of the steps named in `twice` is lost, as by kill -9 before it was recorded:
    they run again.
    """

    site: Any
    sleep: Callable[[float], None] = lambda seconds: None
    job_id: str = "job-1"
    twice: frozenset[str] = frozenset()
    most: int = 200
    names: list[str] = field(default_factory=list)
    channel: io.StringIO = field(default_factory=io.StringIO)

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self.names.append(name)
        assert len(self.names) < self.most, self.log[-2000:]
        task = Task(self.job_id, lambda: self.site, self.channel)
        given = json.loads(json.dumps(arguments))
        for _ in range(2 if name in self.twice else 1):
            try:
                outcome = function(task, *given)
            except DuckError as error:
                raise StepFailed(error.problem.why, error.operator_message) from error
        return json.loads(json.dumps(outcome))

    @property
    def log(self) -> str:
        return self.channel.getvalue()
