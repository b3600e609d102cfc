"""A job and its states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rubberduck.core.sentences import translated

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)
ACTIVE = (QUEUED, RUNNING)
SITE = "site"  # the owner of scheduled jobs
DELETE_PROJECT = "delete-project"
# Their end is the only way out: a deletion that stops halfway leaves a hidden project behind.
UNCANCELLABLE = (DELETE_PROJECT,)
PROJECT = "project:"  # the owner of a project's jobs is this and the project's id


@dataclass(frozen=True)
class Viewer:
    """Whose jobs a request may see and steer: a visitor's own; for operators, all projects' too."""

    visitor: str  # "" has no jobs
    is_operator: bool = False


@dataclass(frozen=True)
class LogLine:
    at: datetime
    line: str
    sentence: Any = None  # the line, as core.sentences stores it

    def line_in(self, translate: Callable[[str], str]) -> str:
        """Return the line in the language of `translate`."""
        return translated(self.sentence, translate) if self.sentence else self.line


@dataclass(frozen=True)
class Job:
    """One row. Times are in UTC; `progress` is percent; `error` is in plain words."""

    id: str
    kind: str
    owner: str
    state: str
    attempt: int
    progress: int
    message: str
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    executor: str | None = None
    sentence: Any = None  # the message, or the error, as core.sentences stores it

    def message_in(self, translate: Callable[[str], str]) -> str:
        """Return what the job does at the moment, in the language of `translate`."""
        if self.is_active and self.sentence:
            return translated(self.sentence, translate)
        return self.message

    def error_in(self, translate: Callable[[str], str]) -> str | None:
        """Return why the job failed, in the language of `translate`."""
        if self.state == FAILED and self.sentence:
            return translated(self.sentence, translate)
        return self.error

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def can_be_cancelled(self) -> bool:
        return self.is_active and self.kind not in UNCANCELLABLE

    @property
    def workflow_id(self) -> str:
        """Return the engine's name for this attempt."""
        return f"{self.id}.{self.attempt}"


@dataclass(frozen=True)
class Run:
    """One attempt at a job on one worker. What another one has taken over, it must not write."""

    job_id: str
    attempt: int
    executor: str


@dataclass(frozen=True)
class JobPage:
    """Jobs, newest first; `next` is the cursor of the page that follows, None on the last one."""

    jobs: tuple[Job, ...]
    next: str | None
