"""The entries of data sets as lines of a manifest, and what lists say of them."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any

from rubberduck.custom_models.dataset import Report
from rubberduck.custom_models.interchange.manifest import entry
from rubberduck.custom_models.project_datasets import as_picture
from rubberduck.custom_models.project_pictures import BATCH, ProjectPicture
from rubberduck.custom_models.projects import Project
from rubberduck.emulator.arns import TEST
from rubberduck.emulator.datasets import find_dataset, members
from rubberduck.emulator.objects import FOLDER_BUCKET
from rubberduck.emulator.paging import (
    MAX_RESULTS,
    invalid_token,
    page_of,
    read_token,
    write_token,
)
from rubberduck.emulator.site import Site

FILTERS = {"ContainsLabels", "Labeled", "SourceRefContains", "HasErrors"}
SOURCE_REF, FAULTY = "source-ref", "faulty"  # kinds of records


def source_refs(site: Site, pictures: Sequence[ProjectPicture]) -> dict[str, str]:
    """Return the source-ref of each picture that came with one, by its id."""
    records = site.records.named(SOURCE_REF, [picture.id for picture in pictures])
    return {name: record["ref"] for name, record in records.items()}


def own_ref(site: Site, picture: ProjectPicture) -> str:
    """Return the source-ref of a picture that came in otherwise."""
    bucket = getattr(site.pipeline.storage, "bucket", FOLDER_BUCKET)
    return f"s3://{bucket}/{picture.key}"


def faulty_lines(site: Site, project: Project, side: str) -> list[dict[str, Any]]:
    """Return the entries of a data set that cannot be used, each with its line and errors."""
    records = site.records.of_project(FAULTY, project.id).values()
    return [dict(record) for record in records if record["side"] == side]


def faulty_name(project_id: str, ref: str) -> str:
    return f"{project_id} {sha256(ref.encode()).hexdigest()}"


def describe_dataset(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    project, dataset = find_dataset(site, given["DatasetArn"])
    return {
        "DatasetDescription": {
            "CreationTimestamp": dataset.created_at,
            "LastUpdatedTimestamp": dataset.changed_at,
            "Status": dataset.status(site),
            "StatusMessage": dataset.message,
            "StatusMessageCode": dataset.code,
            "DatasetStats": statistics(site, project, dataset.side),
        }
    }


def list_dataset_entries(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    """Return a page of the entries that are asked for; no more pictures are read than it needs."""
    project, dataset = find_dataset(site, given["DatasetArn"])
    list_id = f"entries {dataset.name} {sorted(given.keys() - {'NextToken', 'MaxResults'})}"
    after = read_token(given, list_id)
    most = given.get("MaxResults", MAX_RESULTS)
    # One more tells whether there is a next page; those that a filter wants may be far between.
    read_at_once = BATCH if given.keys() & FILTERS or dataset.side == TEST else most + 1
    wanted = (
        (id, line)
        for id, line in _identified_lines(site, project, dataset.side, after, read_at_once)
        if _is_wanted(line, given)
    )
    page = list(islice(wanted, most + 1))
    return {
        "DatasetEntries": [to_json(line) for _, line in page[:most]],
        "NextToken": write_token(list_id, page[most - 1][0]) if len(page) > most else None,
    }


def _identified_lines(
    site: Site, project: Project, side: str, after: str | None, read_at_once: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the lines of a data set, each with an id, from the one that follows `after`.

    Raises ServiceError if `after` is none of them.
    """
    bad = {line["source-ref"]: line for line in bad_lines(site, project, side)}
    if after not in bad:
        last = site.pictures.find(project.id, [after]) if after else [None]
        if not last:
            raise invalid_token()
        pictures = members(site, project, side, last[0], batch=read_at_once)
        while batch := list(islice(pictures, read_at_once)):
            yield from zip((each.id for each in batch), lines_of(site, project, batch), strict=True)
        after = None
    refs = list(bad)
    for ref in refs[refs.index(after) + 1 if after else 0 :]:
        yield ref, bad[ref]


def to_json(line: dict[str, Any]) -> str:
    """Return a line as it is listed: without its labels, which are for filters."""
    return json.dumps({k: v for k, v in line.items() if k != "labels"}, ensure_ascii=False)


def good_lines(site: Site, project: Project, side: str) -> list[dict[str, Any]]:
    """Return the lines of the pictures of a data set."""
    return lines_of(site, project, list(members(site, project, side)))


def lines_of(
    site: Site, project: Project, pictures: Sequence[ProjectPicture]
) -> list[dict[str, Any]]:
    refs = source_refs(site, pictures)
    # The same number for a label in each call, since pages of one list are asked for one by one.
    numbers = {label.name: number for number, label in enumerate(project.labels)}
    lines = []
    for picture in pictures:
        ref = refs.get(picture.id) or own_ref(site, picture)
        shown = as_picture(project, picture, ref)
        line = entry(shown, numbers, ref, Report())
        labels = [*(box.label for box in shown.boxes), *shown.labels]
        metadata = {"is_labeled": bool(labels)}
        lines.append({**line, "cl-metadata": metadata, "labels": labels})
    return lines


def bad_lines(site: Site, project: Project, side: str) -> list[dict[str, Any]]:
    """Return the lines of a data set that cannot be used, with their errors."""
    return [
        {**faulty["line"], "cl-errors": faulty["errors"], "labels": []}
        for faulty in faulty_lines(site, project, side)
    ]


def _is_wanted(line: dict[str, Any], given: dict[str, Any]) -> bool:
    names = given.get("ContainsLabels")
    return (
        (names is None or bool(set(names) & set(line["labels"])))
        and given.get("Labeled") in (None, bool(line["labels"]))
        and given.get("SourceRefContains", "") in line["source-ref"]
        and given.get("HasErrors") in (None, "cl-errors" in line)
    )


def list_dataset_labels(site: Site, given: dict[str, Any]) -> dict[str, Any]:
    project, dataset = find_dataset(site, given["DatasetArn"])
    entries, boxes = _label_counts(site, project, dataset.side)
    page, token = page_of(sorted(entries), given, f"labels {dataset.name}", str)
    return {
        "DatasetLabelDescriptions": [
            {
                "LabelName": name,
                "LabelStats": {"EntryCount": entries[name], "BoundingBoxCount": boxes[name]},
            }
            for name in page
        ],
        "NextToken": token,
    }


def _label_counts(site: Site, project: Project, side: str) -> tuple[Counter[str], Counter[str]]:
    """Return how many entries have each label, and how many boxes there are of it."""
    entries, boxes, names = Counter[str](), Counter[str](), project.label_names
    for picture in members(site, project, side):
        own = [names[box.label] for box in picture.boxes if box.label in names]
        whole = [names[label] for label in picture.labels if label in names]
        entries.update({*own, *whole})
        boxes.update(own)
    return entries, boxes


def statistics(site: Site, project: Project, side: str) -> dict[str, int]:
    pictures = list(members(site, project, side))
    errors = len(faulty_lines(site, project, side))
    return {
        "LabeledEntries": sum(bool(each.boxes or each.labels) for each in pictures),
        "TotalEntries": len(pictures) + errors,
        "TotalLabels": len(_label_counts(site, project, side)[0]),
        "ErrorEntries": errors,
    }
