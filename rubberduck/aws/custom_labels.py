"""Amazon Rekognition Custom Labels: one method for each thing the site does with it.

Nothing here waits for a state: what takes minutes returns at once, and jobs ask for the state. The
service's waiters are not used: one of them never ends for a version that has been started since,
both end with the first throttled call, and there is none for STOPPED or for data sets.

Every method raises CustomLabelsRefused or CustomLabelsBusy, whose `code` is the service's.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rubberduck.aws.client_errors import translated_errors
from rubberduck.aws.custom_labels_errors import CustomLabelsRefused, no_answer, refusal
from rubberduck.aws.version_states import VersionState, state_of

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

DatasetType = Literal["TRAIN", "TEST"]
MAX_CHUNK = 5_242_880  # bytes of one UpdateDatasetEntries
MAX_LINE = 100_000  # characters; the service drops longer lines without a word
MAX_PICTURE_BYTES = 4_000_000  # inside a request
IN_USE, EXISTS = "ResourceInUseException", "ResourceAlreadyExistsException"
NOT_FOUND, DENIED = "ResourceNotFoundException", "AccessDeniedException"
CHECK_PROJECT = "duck-check"


@dataclass(frozen=True)
class Dataset:
    """A data set; the counts are None in a list of them.

    `errors` counts entries with errors. Lines that were dropped are counted nowhere.
    """

    arn: str
    state: str  # such as CREATE_IN_PROGRESS, UPDATE_COMPLETE, UPDATE_FAILED
    message: str
    total: int | None = None
    labeled: int | None = None
    errors: int | None = None
    labels: int | None = None

    @property
    def is_complete(self) -> bool:
        return self.state in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    @property
    def has_failed(self) -> bool:
        return self.state in ("CREATE_FAILED", "UPDATE_FAILED")


@dataclass(frozen=True)
class S3Address:
    bucket: str
    key: str


@dataclass(frozen=True)
class Version:
    """A model version as the service describes it. Times are in UTC."""

    arn: str
    name: str
    state: VersionState
    message: str
    description: str = ""
    units: int | None = None
    trained_at: datetime | None = None
    billable_seconds: int | None = None  # of its training
    f1_score: float | None = None
    evaluation: S3Address | None = None  # the EvaluationResultSummary
    manifest_summary: S3Address | None = None


@dataclass(frozen=True)
class CustomLabel:
    """One answer of a model; `box` is left, top, width, height as fractions, which may leave the
    picture; None for a label of the whole picture. `confidence` is percent, not calibrated."""

    name: str
    confidence: float
    box: tuple[float, float, float, float] | None


def chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines of a manifest to what fits into one UpdateDatasetEntries. Raises ValueError.

    >>> [len(chunk) for chunk in chunks(["x" * 99_999] * 60)]
    [5200000, 800000]
    """
    chunk, size = list[bytes](), 0
    for line in lines:
        if len(line) > MAX_LINE:
            raise ValueError(f"a line has {len(line):,} characters, at most {MAX_LINE:,} are taken")
        data = line.encode() + b"\n"
        if size + len(data) > MAX_CHUNK:
            yield b"".join(chunk)
            chunk, size = [], 0
        chunk.append(data)
        size += len(data)
    if chunk:
        yield b"".join(chunk)


class CustomLabels:
    """The operations, on a boto3 client. `pace` is called with an operation's name before each
    call but detections, and waits or raises CustomLabelsBusy: see db/call_rates.py."""

    def __init__(
        self, client: "RekognitionClient", pace: Callable[[str], None] = lambda operation: None
    ) -> None:
        self.client = client
        self.pace = pace

    # ---- projects

    def create_project(self, name: str) -> str:
        """Return the ARN of the project of that name, which is made if there is none."""
        try:
            return str(self._call("CreateProject", ProjectName=name)["ProjectArn"])
        except CustomLabelsRefused as error:
            if error.code == IN_USE and (arn := self.find_project(name)):
                return arn
            raise

    def find_project(self, name: str) -> str | None:
        found = self._call("DescribeProjects", ProjectNames=[name])["ProjectDescriptions"]
        return next((item["ProjectArn"] for item in found), None)

    def delete_project(self, project_arn: str) -> None:
        """Begin to delete a project without versions and data sets, if it exists."""
        self._delete("DeleteProject", ProjectArn=project_arn)

    # ---- data sets

    def datasets(self, project: str) -> dict[str, Dataset]:
        """Return the data sets of the project of that name, by TRAIN and TEST."""
        found = self._call("DescribeProjects", ProjectNames=[project])["ProjectDescriptions"]
        return {
            item["DatasetType"]: Dataset(
                item["DatasetArn"], item["Status"], item.get("StatusMessage", "")
            )
            for description in found
            for item in description.get("Datasets", ())
        }

    def create_dataset(self, project_arn: str, kind: DatasetType) -> str | None:
        """Begin to make an empty data set; None if the project has one of this kind."""
        try:
            answer = self._call("CreateDataset", ProjectArn=project_arn, DatasetType=kind)
        except CustomLabelsRefused as error:
            if error.code != EXISTS:
                raise
            return None
        return str(answer["DatasetArn"])

    def describe_dataset(self, arn: str) -> Dataset | None:
        """Return the data set, None if it is deleted."""
        try:
            item = self._call("DescribeDataset", DatasetArn=arn)["DatasetDescription"]
        except CustomLabelsRefused as error:
            if error.code != NOT_FOUND:
                raise
            return None
        counts = item.get("DatasetStats", {})
        return Dataset(
            arn,
            item["Status"],
            item.get("StatusMessage", ""),
            counts.get("TotalEntries", 0),
            counts.get("LabeledEntries", 0),
            counts.get("ErrorEntries", 0),
            counts.get("TotalLabels", 0),
        )

    def update_entries(self, dataset_arn: str, chunk: bytes) -> None:
        """Begin to add whole lines, or to replace those of the same pictures; see `chunks`."""
        self._call("UpdateDatasetEntries", DatasetArn=dataset_arn, Changes={"GroundTruth": chunk})

    def entries(self, dataset_arn: str, *, with_errors: bool = False) -> Iterator[str]:
        """Yield the lines of a data set, with the service's own keys; all, or the wrong ones."""
        only = {"HasErrors": True} if with_errors else {}
        for page in self._pages("ListDatasetEntries", DatasetArn=dataset_arn, **only):
            yield from page["DatasetEntries"]

    def labels(self, dataset_arn: str) -> dict[str, int]:
        """Return the number of pictures of each label."""
        return {
            item["LabelName"]: item["LabelStats"]["EntryCount"]
            for page in self._pages("ListDatasetLabels", DatasetArn=dataset_arn)
            for item in page["DatasetLabelDescriptions"]
        }

    def distribute(self, train_arn: str, test_arn: str) -> None:
        """Begin to move 20 % of the entries to the empty test set. Neighbouring frames may part."""
        both = [{"Arn": train_arn}, {"Arn": test_arn}]
        self._call("DistributeDatasetEntries", Datasets=both)

    def delete_dataset(self, arn: str) -> None:
        """Begin to delete a data set, if it exists."""
        self._delete("DeleteDataset", DatasetArn=arn)

    # ---- versions

    def create_version(
        self, project_arn: str, name: str, output: S3Address, description: str
    ) -> str:
        """Begin a training, which costs money, and return the ARN of its version.

        The name makes it happen once: if a version of this name and description exists, its ARN is
        returned. The service writes its reports below `output`.
        """
        try:
            answer = self._call(
                "CreateProjectVersion",
                ProjectArn=project_arn,
                VersionName=name,
                VersionDescription=description,
                OutputConfig={"S3Bucket": output.bucket, "S3KeyPrefix": output.key},
            )
        except CustomLabelsRefused as error:
            if error.code != IN_USE or not (found := self.versions(project_arn, name)):
                raise
            if found[0].description != description:  # of a database that was lost or set back
                raise CustomLabelsRefused(
                    "Amazon Rekognition has another model named {name} in this project: delete it "
                    "there.",
                    name=name,
                ) from error
            return found[0].arn
        return str(answer["ProjectVersionArn"])

    def versions(self, project_arn: str, *names: str) -> list[Version]:
        """Return all versions of a project, or those of these names, with one call a page."""
        only = {"VersionNames": list(names)} if names else {}
        return [
            _version(item)
            for page in self._pages("DescribeProjectVersions", ProjectArn=project_arn, **only)
            for item in page["ProjectVersionDescriptions"]
        ]

    def start(self, version_arn: str, units: int, max_units: int | None = None) -> VersionState:
        """Begin to start a version, which costs money from then on; without `max_units`, fixed."""
        most = {} if max_units is None else {"MaxInferenceUnits": max_units}
        answer = self._call(
            "StartProjectVersion", ProjectVersionArn=version_arn, MinInferenceUnits=units, **most
        )
        return state_of(answer["Status"])

    def stop(self, version_arn: str) -> VersionState:
        """Begin to stop a version. Refused while it starts; repeat it until it is STOPPED."""
        return state_of(self._call("StopProjectVersion", ProjectVersionArn=version_arn)["Status"])

    def delete_version(self, version_arn: str) -> None:
        """Begin to delete a version that neither runs nor is trained, if it exists."""
        self._delete("DeleteProjectVersion", ProjectVersionArn=version_arn)

    # ---- detection

    def detect(
        self,
        version_arn: str,
        picture: bytes | S3Address,
        min_confidence: float | None = None,
        max_results: int | None = None,
    ) -> list[CustomLabel]:
        """Return what a running version finds, the surest first.

        Without `min_confidence`, above each label's trained threshold; with 0, everything. A JPEG
        or PNG inside the request has MAX_PICTURE_BYTES at most. Raises ModelNotRunning,
        PictureNotTaken.
        """
        if isinstance(picture, S3Address):
            image: Any = {"S3Object": {"Bucket": picture.bucket, "Name": picture.key}}
        else:
            image = {"Bytes": picture}
        options: dict[str, Any] = {}
        if min_confidence is not None:
            options["MinConfidence"] = min_confidence
        if max_results is not None:
            options["MaxResults"] = max_results
        with _translated("DetectCustomLabels"):
            answer = self.client.detect_custom_labels(
                ProjectVersionArn=version_arn, Image=image, **options
            )
            return [_label(item) for item in answer["CustomLabels"]]

    # ---- rights

    def check(self) -> None:
        """Try every operation on what does not exist; raise CustomLabelsRefused for lacking rights.

        Only a project is really made, and deleted: it costs nothing.
        """
        denied = []
        for operation, arguments in self._harmless_calls():
            try:
                self._call(operation, **arguments)
            except CustomLabelsRefused as error:
                if error.code == DENIED:
                    denied.append(f"rekognition:{operation}")
        if denied:
            raise CustomLabelsRefused(
                "Allow {permissions} to the user or role of this site.",
                permissions=", ".join(denied),
            )

    def _harmless_calls(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "CreateProject", {"ProjectName": CHECK_PROJECT}
        if arn := self.find_project(CHECK_PROJECT):
            yield "DeleteProject", {"ProjectArn": arn}
        # Permissions come before existence, so these need not exist.
        region = self.client.meta.region_name
        base = f"arn:aws:rekognition:{region}:123456789012:project/{CHECK_PROJECT}"
        base = arn.rpartition("/")[0] if arn else base
        project, version = {"ProjectArn": f"{base}/1"}, f"{base}/version/check/1"
        dataset = {"DatasetArn": f"{base}/dataset/train/1"}
        both = [{"Arn": f"{base}/dataset/{kind}/1"} for kind in ("train", "test")]
        yield "CreateDataset", {**project, "DatasetType": "TRAIN"}
        yield "DescribeDataset", dataset
        yield "UpdateDatasetEntries", {**dataset, "Changes": {"GroundTruth": b"{}"}}
        yield "ListDatasetEntries", dataset
        yield "ListDatasetLabels", dataset
        yield "DistributeDatasetEntries", {"Datasets": both}
        yield "DeleteDataset", dataset
        output = {"S3Bucket": "none", "S3KeyPrefix": "none"}
        yield "CreateProjectVersion", {**project, "VersionName": "check", "OutputConfig": output}
        yield "DescribeProjectVersions", project
        yield "StartProjectVersion", {"ProjectVersionArn": version, "MinInferenceUnits": 1}
        yield "StopProjectVersion", {"ProjectVersionArn": version}
        yield "DeleteProjectVersion", {"ProjectVersionArn": version}
        yield "DetectCustomLabels", {"ProjectVersionArn": version, "Image": {"Bytes": b"none"}}

    # ---- calls

    def _call(self, operation: str, **arguments: Any) -> Any:
        self.pace(operation)
        with _translated(operation):
            return getattr(self.client, _method(operation))(**arguments)

    def _pages(self, operation: str, **arguments: Any) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            page = self._call(operation, **arguments, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _delete(self, operation: str, **arguments: Any) -> None:
        try:
            self._call(operation, **arguments)
        except CustomLabelsRefused as error:
            if error.code != NOT_FOUND:
                raise


def _method(operation: str) -> str:
    from botocore import xform_name

    return xform_name(operation)


def _translated(operation: str) -> AbstractContextManager[None]:
    return translated_errors(
        "Rekognition", partial(refusal, operation), partial(no_answer, operation)
    )


def _version(item: Any) -> Version:
    arn = item["ProjectVersionArn"]
    result = item.get("EvaluationResult", {})
    return Version(
        arn,
        arn.split("/")[-2],
        state_of(item["Status"]),
        item.get("StatusMessage", ""),
        item.get("VersionDescription", ""),
        item.get("MinInferenceUnits"),
        item.get("TrainingEndTimestamp"),
        item.get("BillableTrainingTimeInSeconds"),
        result.get("F1Score"),
        _address(result.get("Summary")),
        _address(item.get("ManifestSummary")),
    )


def _address(where: Any) -> S3Address | None:
    found = (where or {}).get("S3Object")
    return S3Address(found["Bucket"], found["Name"]) if found else None


def _label(item: Any) -> CustomLabel:
    sides = item.get("Geometry", {}).get("BoundingBox")
    box = (sides["Left"], sides["Top"], sides["Width"], sides["Height"]) if sides else None
    return CustomLabel(item["Name"], item["Confidence"], box)
