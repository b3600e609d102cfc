"""Which columns of a row are a person's who has a part in it, but whose row it is not.

Several people may have acted on a row: one added a visitor's picture to a project, another one
labelled it. Each of them gets their own acts (created_by and created_at, labelled_by …) and the
columns in OWN, never what was said, drawn or sent by the others. Whoever is the row's `owner` gets
all of it but the ids of those who acted. A table that is not in OWN is one person's row by row.
"""

from typing import Any

from sqlalchemy import Table

Row = dict[str, Any]
# tests/db/test_personal_columns.py holds that each column is in one of the two.
OWN = {
    "annotations": "picture_id revision project_id boxes labels agreement",
    "audit_log": "id at operator_id operator_name act object",
    "indexed_people": "id collection status changed_at has_user expires_at",
    "model_versions": "id project_id number name engine state state_message job_id seed labels "
    "trained_at training_seconds trunk_sha256 file_key file_sha256 file_bytes arn pictures "
    "withdrawn_pictures is_default may_start_itself should_run units last_used_at lease_until "
    "ceiling_at metered_until",
    "named_object_photos": "id object_id status key sha256 difference_hash width height box "
    "embedding vector",
    "named_objects": "id status name",
    "project_pictures": "id project_id status source format bytes width height turn revision",
    "projects": "id status name kind question keep_days next_version arn",
    "video_paid_analyses": "id way model rate state max_calls microdollars job_id remote_id "
    "engine_version ended_at",
}
OF_OTHERS = {
    "audit_log": "details",  # ids of people, and of visitors' videos
    "indexed_people": "label consent_from consent_on consent_how consent_note",
    "model_versions": "evaluation",  # pictures and boxes
    # What it shows, and whose it is: an id of a result or a video is the address of its page.
    "project_pictures": "owner result_id key preview_key file_name sha256 difference_hash taken_at "
    "group_name split split_is_fixed boxes labels truth suggested uncertainty",
    "video_paid_analyses": "video_id question answer error",
}
# Rows that operators make of what visitors own: the column with the owned row's id. Its owner gets
# all of them but the ids of those who acted.
OF_PARENTS = {"video_paid_analyses": "video_id"}
# Acts whose object is a person or a visitor's video.
ACTS_ON_OTHERS = ("operator.", "visitor.", "video.")


def part_of(table: Table, row: Row, person: str) -> Row:
    """Return the columns of a row that are this person's."""
    acts = [name.removesuffix("by") for name in row if name.endswith("_by")]
    own_acts = tuple(act for act in acts if row[f"{act}by"] == person)
    if row.get("owner") == person or not (acts or table.name in OWN):
        hidden = {f"{act}by" for act in acts if act not in own_acts}
        return {name: value for name, value in row.items() if name not in hidden}
    own = set(OWN.get(table.name, "").split())
    if table.name == "audit_log" and row["act"].startswith(ACTS_ON_OTHERS):
        own.remove("object")
    return {name: row[name] for name in row if name in own or name.startswith(own_acts)}


def without_actors(row: Row) -> Row:
    """Return the row without the ids of those who acted on it."""
    return {name: value for name, value in row.items() if not name.endswith("_by")}
