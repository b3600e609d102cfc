"""The format of the summary of a training, with the names of Amazon Rekognition Custom Labels.

Apart from `evaluation_summary`, because the OpenAPI document needs it, and nothing of models.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class SummaryCell(_Part):
    """Which share of the pictures of one label was taken for another."""

    GroundTruthLabel: str
    PredictedLabel: str
    Value: float


class SummaryAggregate(_Part):
    """The means of the labels."""

    ConfusionMatrix: list[SummaryCell] = Field(default_factory=list)  # of whole pictures only
    F1Score: float
    Precision: float
    Recall: float
    AveragePrecision: float | None = None  # of boxes only


class SummaryDetails(_Part):
    """What was tested, and when."""

    EvaluationEndTimestamp: str
    Labels: list[str]
    NumberOfTestingImages: int
    NumberOfTrainingImages: int
    ProjectVersionArn: str


class SummaryMetrics(_Part):
    """The figures of a label at its threshold."""

    F1Score: float
    Precision: float
    Recall: float
    Threshold: float = Field(default=0.5, ge=0, le=1)


class SummaryLabel(_Part):
    """A label and its figures."""

    Label: str
    Metrics: SummaryMetrics
    NumberOfTestingImages: int


class EvaluationSummary(_Part):
    """The figures of a version in the format of Amazon Rekognition Custom Labels."""

    Version: Literal[1]
    AggregatedEvaluationResults: SummaryAggregate
    EvaluationDetails: SummaryDetails
    LabelEvaluationResults: list[SummaryLabel]
