"""What the fake remembers: projects, data sets, versions. States move with its clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.custom_labels.entries import Entry

REGION, ACCOUNT = "eu-central-1", "123456789012"


@dataclass
class Timed:
    """Something that goes on to `_next` when the clock has come to `due`."""

    arn: str
    created: float
    state: str
    due: float | None = None
    then: Callable[[], object] | None = None

    def go_on(self, at: float, then: Callable[[], object]) -> None:
        self.due, self.then = at, then

    def settle(self, now: float) -> None:
        while self.due is not None and self.due <= now and self.then:
            then, self.due, self.then = self.then, None, None
            then()

    def become(self, state: str) -> None:
        self.state = state


@dataclass
class Dataset(Timed):
    kind: str = "TRAIN"
    entries: dict[str, Entry] = field(default_factory=dict)
    message: str = ""
    updated: float = 0.0

    @property
    def is_complete(self) -> bool:
        return self.state in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    def metadata(self) -> dict[str, Any]:
        code = "CLIENT_ERROR" if self.state.endswith("FAILED") else "SUCCESS"
        return {
            "CreationTimestamp": self.created,
            "DatasetType": self.kind,
            "DatasetArn": self.arn,
            "Status": self.state,
            "StatusMessage": self.message or "The dataset is as its status says.",
            "StatusMessageCode": code,
        }

    def description(self) -> dict[str, Any]:
        kept = list(self.entries.values())
        described = self.metadata()
        del described["DatasetType"], described["DatasetArn"]
        return described | {
            "LastUpdatedTimestamp": self.updated or self.created,
            "DatasetStats": {
                "LabeledEntries": sum(entry.is_labeled for entry in kept),
                "TotalEntries": len(kept),
                "TotalLabels": len({label for entry in kept for label in entry.labels}),
                "ErrorEntries": sum(bool(entry.errors) for entry in kept),
            },
        }


@dataclass
class Version(Timed):
    name: str = ""
    output: dict[str, str] = field(default_factory=dict)
    message: str = ""
    more: dict[str, Any] = field(default_factory=dict)  # further members of its description
    thresholds: dict[str, float] = field(default_factory=dict)  # of each label, 0 to 1
    pictures: dict[str, Entry] = field(default_factory=dict)  # by s3:// address
    digests: dict[str, str] = field(default_factory=dict)  # of a picture's bytes, its address
    units: int = 0
    running_since: float | None = None
    billed_unit_seconds: float = 0.0

    def description(self) -> dict[str, Any]:
        described = {
            "ProjectVersionArn": self.arn,
            "CreationTimestamp": self.created,
            "Status": self.state,
            "StatusMessage": self.message or "The model is as its status says.",
            "OutputConfig": self.output,
            "Feature": "CUSTOM_LABELS",
        }
        if self.units:
            described["MinInferenceUnits"] = self.units
        return described | self.more


@dataclass
class Project(Timed):
    name: str = ""
    datasets: dict[str, Dataset] = field(default_factory=dict)  # by TRAIN and TEST
    versions: dict[str, Version] = field(default_factory=dict)  # by name
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def description(self) -> dict[str, Any]:
        return {
            "ProjectArn": self.arn,
            "CreationTimestamp": self.created,
            "Status": self.state,
            "Datasets": [dataset.metadata() for dataset in self.datasets.values()],
            "Feature": "CUSTOM_LABELS",
        }
