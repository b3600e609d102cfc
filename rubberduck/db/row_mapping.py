"""Conversion between results and database rows."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from rubberduck.core.models import Answer, Box, Label, Result, Upload, Verdict
from rubberduck.db.engine import to_naive_utc
from rubberduck.db.tables import (
    DELETING,
    PENDING,
    READY,
    corrections,
    duck_results,
    face_answers,
    idempotency_keys,
)
from rubberduck.db.workers import own_id


def to_pending_row(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "status": PENDING,
        "created_at": to_naive_utc(upload.created_at),
        "question": upload.question,
        "s3_key": upload.picture_key,
        "owner": upload.owner,
        "upload_sha256": upload.sha256,
        "worker": own_id(),
        "heartbeat_at": to_naive_utc(upload.created_at),
    }


def to_row(result: Result) -> dict[str, Any]:
    answer, verdict = result.answer, result.answer.verdict
    return {
        "status": READY,
        "created_at": to_naive_utc(result.created_at),
        "question": result.question,
        "s3_key": result.picture_key,
        "marked_key": result.marked_key,
        "said": result.said,
        "min_confidence": result.min_confidence,
        "width": result.width,
        "height": result.height,
        "several_frames": result.several_frames,
        "is_truncated": result.is_truncated,
        "duck_found": verdict.found,
        "confidence_score": verdict.score,
        "bounding_box_data": [asdict(box) for box in verdict.boxes],
        "because": [asdict(label) for label in verdict.matched_labels],
        "missing": list(verdict.unmatched_groups),
        "labels": [asdict(label) for label in answer.labels],
        "engine": answer.engine,
        "engine_version": answer.engine_version,
        "instead_of": answer.fallback_for,
        "instead_because": answer.fallback_reason,
        "stored_bytes": result.stored_bytes,
    }


def from_row(row: Mapping[str, Any]) -> Result:
    verdict = Verdict(
        matched_labels=tuple(map(_label, row["because"])),
        unmatched_groups=tuple(row["missing"]),
        boxes=tuple(Box(**box) for box in row["bounding_box_data"]),
    )
    labels = tuple(map(_label, row["labels"]))
    retained_from = row["retained_from"]
    return Result(
        id=row["id"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        question=row["question"],
        said=row["said"],
        min_confidence=row["min_confidence"],
        width=row["width"],
        height=row["height"],
        several_frames=row["several_frames"],
        is_truncated=bool(row["is_truncated"]),
        picture_key=row["s3_key"],
        marked_key=row["marked_key"],
        answer=Answer(
            labels,
            verdict,
            row["engine"],
            row["instead_of"],
            row["instead_because"],
            row["engine_version"],
        ),
        owner=row["owner"],
        judged_right=row["judged_right"],
        retained_from=retained_from and retained_from.replace(tzinfo=UTC),
        stored_bytes=row["stored_bytes"],
    )


def hide(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """Mark rows as being deleted; release their hashes and keys, delete corrections and faces.

    Return the number of rows.
    """
    released = {"upload_sha256": None, "idempotency_key": None, "owner": None}
    hidden = select(duck_results.c.id).where(*conditions)
    connection.execute(idempotency_keys.delete().where(idempotency_keys.c.result_id.in_(hidden)))
    for table in (corrections, face_answers):
        connection.execute(table.delete().where(table.c.result_id.in_(hidden)))
    statement = duck_results.update().where(*conditions).values(status=DELETING, **released)
    return connection.execute(statement).rowcount


def _label(row: dict[str, Any]) -> Label:
    boxes = tuple(Box(**box) for box in row["boxes"])
    return Label(row["name"], row["confidence"], boxes, tuple(row["parents"]))
