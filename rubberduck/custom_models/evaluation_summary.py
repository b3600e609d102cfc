"""The summary of a training that Amazon Rekognition Custom Labels writes to S3, read and written.

The service rates each label at the threshold that is best on the test pictures themselves, so its
figures flatter; and it gives no counts, so they have no intervals. AggregatedEvaluationResults are
the means of the labels.
"""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from rubberduck.custom_models.dataset import InvalidDataset
from rubberduck.custom_models.evaluation import (
    BOXES,
    PICTURES,
    Cell,
    Evaluation,
    Figures,
    LabelFigures,
    Matrix,
)
from rubberduck.custom_models.summary_format import EvaluationSummary

ADVICE = "Take the file EvaluationResultSummary-….json of a training's output"


def read_summary(text: str | bytes) -> Evaluation:
    """Return the evaluation in the service's summary. Raises InvalidDataset."""
    try:
        summary = EvaluationSummary.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidDataset("summary", place, first["msg"], ADVICE) from None
    all_of, details = summary.AggregatedEvaluationResults, summary.EvaluationDetails
    mean = Figures(
        pictures=details.NumberOfTestingImages,
        right=None,
        false=None,
        missed=None,
        precision=all_of.Precision,
        recall=all_of.Recall,
        f1=all_of.F1Score,
        average_precision=all_of.AveragePrecision,
    )
    cells = tuple(
        Cell(cell.GroundTruthLabel, cell.PredictedLabel, cell.Value)
        for cell in all_of.ConfusionMatrix
    )
    return Evaluation(
        kind=PICTURES if cells else BOXES,
        thresholds_from="test",
        pictures=details.NumberOfTestingImages,
        groups=details.NumberOfTestingImages,
        trained=details.NumberOfTrainingImages,
        validated=0,
        overall=mean,
        mean=mean,
        labels=tuple(
            LabelFigures(
                one.Label,
                one.Metrics.Threshold,
                Figures(
                    pictures=one.NumberOfTestingImages,
                    right=None,
                    false=None,
                    missed=None,
                    precision=one.Metrics.Precision,
                    recall=one.Metrics.Recall,
                    f1=one.Metrics.F1Score,
                ),
            )
            for one in summary.LabelEvaluationResults
        ),
        matrix=Matrix(tuple(details.Labels), cells, are_shares=True) if cells else Matrix(),
    )


def write_summary(evaluation: Evaluation, version: str, ended_at: datetime) -> dict[str, Any]:
    """Return the evaluation as the service would write it; undefined figures become 0.

    `version` takes the place of the version's ARN. A cell of the matrix is a share of the truth's
    pictures, and the background is left out.
    """
    kind, mean = evaluation.kind, evaluation.mean
    aggregated: dict[str, Any] = {
        "F1Score": mean.f1 or 0.0,
        "Precision": mean.precision or 0.0,
        "Recall": mean.recall or 0.0,
    }
    if kind == BOXES:
        aggregated["AveragePrecision"] = mean.average_precision or 0.0
    else:
        aggregated["ConfusionMatrix"] = _shares(evaluation)
    moment = ended_at.astimezone(UTC).replace(tzinfo=None)
    return {
        "Version": 1,
        "AggregatedEvaluationResults": aggregated,
        "EvaluationDetails": {
            "EvaluationEndTimestamp": moment.isoformat(timespec="microseconds"),
            "Labels": [one.label for one in evaluation.labels],
            "NumberOfTestingImages": evaluation.pictures,
            "NumberOfTrainingImages": evaluation.trained,
            "ProjectVersionArn": version,
        },
        "LabelEvaluationResults": [
            {
                "Label": one.label,
                "Metrics": {
                    "F1Score": one.figures.f1 or 0.0,
                    "Precision": one.figures.precision or 0.0,
                    "Recall": one.figures.recall or 0.0,
                    "Threshold": one.threshold,
                },
                "NumberOfTestingImages": one.figures.pictures,
            }
            for one in evaluation.labels
        ],
    }


def _shares(evaluation: Evaluation) -> list[dict[str, Any]]:
    matrix, pictures = evaluation.matrix, {}
    for one in evaluation.labels:
        pictures[one.label] = 1 if matrix.are_shares else max(1, one.figures.pictures)
    return [
        {
            "GroundTruthLabel": truth,
            "PredictedLabel": said,
            "Value": matrix.value(truth, said) / pictures[truth],
        }
        for truth in pictures
        for said in pictures
    ]
