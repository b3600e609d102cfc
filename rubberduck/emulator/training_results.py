"""What a training leaves where its OutputConfig says: checked manifests, and the evaluation.

The manifests are written when the training begins, of what it begins with; the evaluation and the
pictures that were used when the version is described first after its end. Where the emulator may
not write, the description has none of them.
"""

import json
from collections.abc import Iterable
from typing import Any

from rubberduck.custom_models.evaluation_summary import write_summary
from rubberduck.custom_models.model_version import ModelVersion
from rubberduck.custom_models.projects import Project
from rubberduck.emulator.arns import TEST, TRAIN, version_arn
from rubberduck.emulator.datasets import SIDES, datasets_of
from rubberduck.emulator.entries import bad_lines, good_lines, lines_of, to_json
from rubberduck.emulator.site import Site

RESULTS = "results"  # the kind of the records: where each file is
JSON, JSON_LINES = "application/json", "application/jsonlines"
NAMES = {TRAIN: "training", TEST: "testing"}
USE_CASES = {"boxes": "OBJECT_LOCALIZATION", "pictures": "IMAGE_LEVEL_LABELS"}
SUMMARY, EVALUATION, USED = "manifest_summary", "EvaluationResultSummary", "snapshot"


class TrainingResults:
    """The files of one version; `output` is its OutputConfig."""

    def __init__(
        self, site: Site, project: Project, version: ModelVersion, output: dict[str, Any]
    ) -> None:
        self.site, self.project, self.version, self.output = site, project, version, output
        record = site.records.get(RESULTS, version.id) or {}
        self.files: dict[str, Any] = dict(record)

    def write_manifests(self) -> None:
        """Write the lines of both data sets with what is wrong in them, and their numbers."""
        statistics = {}
        for side in datasets_of(self.site, self.project):
            good = good_lines(self.site, self.project, side)
            bad = bad_lines(self.site, self.project, side)
            statistics[NAMES[side]] = self._statistics(good, bad)
            self._write(
                side, f"{NAMES[side]}_manifest_with_validation", "json", _lines([*good, *bad])
            )
        summary = json.dumps({"errors": [], "statistics": statistics})
        self._write(SUMMARY, SUMMARY, "json", summary)

    def write_missing_manifests(self) -> None:
        """Write them once, of a training whose job took its manifests in."""
        if SUMMARY not in self.files:
            self.write_manifests()

    def _statistics(self, good: list[Any], bad: list[Any]) -> dict[str, Any]:
        errors = [error for line in bad for error in line["cl-errors"]]
        return {
            "use_case": USE_CASES[self.project.kind],
            "total_json_lines": len(good) + len(bad),
            "valid_json_lines": len(good),
            "invalid_json_lines": len(bad),
            "ignored_json_lines": sum(not line["labels"] for line in good),
            "errors": errors,
            "error_json_line_indices": list(range(len(good), len(good) + len(bad))),
        }

    def describe(self, is_trained: bool) -> dict[str, Any]:
        """Return the members of the description that say where the files are."""
        if is_trained:
            self._write_results()
        evaluation = self.version.evaluation if is_trained else None
        return {
            "TrainingDataResult": self._data_result(TRAIN),
            "TestingDataResult": self._data_result(TEST),
            "ManifestSummary": self._where(SUMMARY),
            "EvaluationResult": {
                "F1Score": evaluation.mean.f1 or 0.0,
                "Summary": self._where(EVALUATION),
            }
            if evaluation
            else None,
        }

    def _data_result(self, side: str) -> dict[str, Any] | None:
        files = {"Validation": self._where(side), "Output": self._where(f"{side} {USED}")}
        found = {
            name: {"Assets": [{"GroundTruthManifest": where}]}
            for name, where in files.items()
            if where
        }
        return found or None

    def _where(self, file: str) -> dict[str, Any] | None:
        key = self.files.get(file)
        return {"S3Object": {"Bucket": self.output["S3Bucket"], "Name": key}} if key else None

    def _write_results(self) -> None:
        version = self.version
        if EVALUATION in self.files or version.evaluation is None or version.trained_at is None:
            return
        arn = version_arn(self.site, self.project, version)
        summary = json.dumps(write_summary(version.evaluation, arn, version.trained_at))
        if not self._write(EVALUATION, EVALUATION, "json", summary):
            return
        used = self.site.versions.splits(version.id)
        for side, name in NAMES.items():
            ids = {id for id, split in used.items() if (split == SIDES[TEST]) == (side == TEST)}
            pictures = [each for each in self.site.pictures.each(self.project.id) if each.id in ids]
            lines = lines_of(self.site, self.project, pictures)
            self._write(f"{side} {USED}", f"{name}_manifest_{USED}", "manifest", _lines(lines))

    def _write(self, file: str, name: str, ending: str, text: str) -> bool:
        """Write a file and remember where; return whether it could be."""
        bucket, prefix = self.output.get("S3Bucket"), self.output.get("S3KeyPrefix", "").strip("/")
        key = f"{prefix}/{name}-{self.version.id}.{ending}".lstrip("/")
        kind = JSON if file in (SUMMARY, EVALUATION) else JSON_LINES
        if bucket is None or not self.site.objects.write(bucket, key, text.encode(), kind):
            return False
        self.files[file] = key
        self.site.records.put(RESULTS, self.version.id, self.files, project_id=self.project.id)
        return True


def _lines(lines: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{to_json(line)}\n" for line in lines)
