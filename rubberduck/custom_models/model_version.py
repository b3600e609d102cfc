"""A version of a project's model, as its row has it. States have the names of Custom Labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rubberduck.custom_models import stale_versions
from rubberduck.custom_models.evaluation import Evaluation
from rubberduck.db.engine import to_naive_utc

EMBEDDED, REKOGNITION = "embedded", "rekognition"
TRAINING, TRAINED = "TRAINING_IN_PROGRESS", "TRAINING_COMPLETED"
FAILED = "TRAINING_FAILED"
RUNNING, STARTING, STOPPING, STOPPED = "RUNNING", "STARTING", "STOPPING", "STOPPED"
DELETING = "DELETING"
BUSY = (TRAINING, STARTING, RUNNING, STOPPING)  # cannot be deleted
USABLE = stale_versions.TRAINED  # its training succeeded
TIMES = (
    "created_at",
    "trained_at",
    "started_at",
    "last_used_at",
    "lease_until",
    "ceiling_at",
    "metered_until",
)


@dataclass(frozen=True)
class ModelVersion:
    """A row. Times are UTC; `labels` are (id, name) as they were when it was trained."""

    id: str
    project_id: str
    number: int
    name: str
    engine: str
    state: str
    state_message: str
    created_at: datetime
    created_by: str
    job_id: str | None
    seed: int
    labels: tuple[tuple[str, str], ...]
    pictures: int
    withdrawn_pictures: int
    is_default: bool
    may_start_itself: bool
    should_run: bool
    units: int
    trained_at: datetime | None = None
    training_seconds: float | None = None
    trunk_sha256: str | None = None
    file_key: str | None = None
    file_sha256: str | None = None
    file_bytes: int | None = None
    arn: str | None = None
    evaluation: Evaluation | None = field(default=None, repr=False)
    started_at: datetime | None = None
    started_by: str | None = None
    last_used_at: datetime | None = None
    lease_until: datetime | None = None
    ceiling_at: datetime | None = None
    metered_until: datetime | None = None

    @property
    def is_trained(self) -> bool:
        return self.state in USABLE

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.labels)


@dataclass(frozen=True)
class Trained:
    """What a training leaves: a file in the storage, its figures, and each picture's split."""

    evaluation: Evaluation
    splits: Mapping[str, str]
    training_seconds: float
    file_key: str | None = None
    file_sha256: str | None = None
    file_bytes: int | None = None
    trunk_sha256: str | None = None
    arn: str | None = None

    def values(self) -> dict[str, Any]:
        names = ("file_key", "file_sha256", "file_bytes", "trunk_sha256", "arn")
        return {
            **{name: getattr(self, name) for name in names},
            "evaluation": self.evaluation.to_json(),
            "training_seconds": self.training_seconds,
            "trained_at": now(),
            "pictures": sum(side != "test" for side in self.splits.values()),
        }


def version_from_row(found: Mapping[Any, Any]) -> ModelVersion:
    fields = {name: found[name] for name in ModelVersion.__dataclass_fields__}
    times = {name: at and at.replace(tzinfo=UTC) for name in TIMES for at in [found[name]]}
    evaluation = found["evaluation"]
    return ModelVersion(
        **fields
        | times
        | {
            "labels": tuple((id, name) for id, name in found["labels"]),
            "evaluation": None if evaluation is None else Evaluation.from_json(evaluation),
        }
    )


def now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
