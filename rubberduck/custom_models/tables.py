"""The tables of projects: their labels, pictures, annotations and model versions."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
)

from rubberduck.db.tables import metadata

# Times are UTC. A row that is deleting is hidden, and its objects are being deleted.
projects = Table(
    "projects",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("status", String(16), nullable=False),  # ready, deleting
    Column("name", String(100), nullable=False),
    Column("kind", String(16), nullable=False),  # boxes, pictures
    Column("question", String(200), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(24), nullable=False),  # an operator
    Column("keep_days", Integer),  # of its pictures; NULL: until the project is deleted
    Column("next_version", Integer, nullable=False),
    Column("arn", String(400)),  # of the Amazon Rekognition project, if any
    Index("projects_by_name", "name", unique=True),
)
project_labels = Table(
    "project_labels",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("project_id", String(24), nullable=False),
    Column("name", String(255), nullable=False),
    Column("position", Integer, nullable=False),
    Index("project_labels_by_name", "project_id", "name", unique=True),
)
project_pictures = Table(
    "project_pictures",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("project_id", String(24), nullable=False),
    Column("status", String(16), nullable=False),  # pending, ready, deleting
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(24), nullable=False),
    Column("key", String(200), nullable=False),  # the storage's key of the original's pixels
    Column("preview_key", String(200), nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("source", String(16), nullable=False),  # upload, archive, s3, video, result
    Column("result_id", String(64)),  # of a visitor's picture
    Column("owner", String(64)),  # the visitor whose picture it is
    Column("sha256", String(64), nullable=False),  # of the bytes as sent
    Column("difference_hash", String(64)),
    Column("format", String(8), nullable=False),  # JPEG, PNG
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),  # upright
    Column("height", Integer, nullable=False),
    Column("turn", Integer, nullable=False),  # Exif orientation of the stored file, 1 to 8
    Column("taken_at", DateTime),
    Column("group_name", String(255)),  # a video or a burst: never on two sides of a split
    Column("split", String(16)),  # train, validation, test
    Column("split_is_fixed", Boolean, nullable=False),  # by the operator
    # Boxes are pixels of the upright picture: label (an id), left, top, width, height, crowd.
    Column("boxes", JSON, nullable=False),
    Column("labels", JSON, nullable=False),  # ids of the labels of the whole picture
    Column("revision", Integer, nullable=False),  # of what it shows, in annotations; 0: unlabelled
    Column("labelled_at", DateTime),
    Column("labelled_by", String(24)),
    Column(
        "truth", JSON(none_as_null=True)
    ),  # boxes and labels to rate labellers with; NULL: an ordinary picture
    # What came with a frame of a video or a visitor's picture, to confirm: boxes with scores, and
    # labels.
    Column("suggested", JSON(none_as_null=True)),
    Column("uncertainty", Float),  # of the newest model; the highest is labelled first
    Column("leased_by", String(64)),
    Column("leased_until", DateTime),
    Index("project_pictures_by_project", "project_id", "status", "created_at", "id"),
    Index("project_pictures_by_sha256", "project_id", "sha256", unique=True),
    Index("project_pictures_by_result", "result_id"),
    Index("project_pictures_by_owner", "owner"),
    Index("project_pictures_by_lease", "leased_by", "project_id", "status", "leased_until"),
)
# What is labelled next, and what a labeller is shown with it: labelling.py, video_suggestions.py.
_of = project_pictures.c
Index(
    "project_pictures_by_uncertainty",
    *(_of.project_id, _of.status, _of.revision),
    *(_of.uncertainty.desc(), _of.created_at, _of.id),
)
for _name, _is_set in (
    ("truth", _of.truth.is_not(None)),
    ("suggestion", _of.suggested.is_not(None)),
):
    Index(
        f"project_pictures_by_{_name}",
        *(_of.project_id, _of.status, _of.revision),
        sqlite_where=_is_set,
        postgresql_where=_is_set,
    )
# Kept by triggers of project_pictures (migrations/versions/0020_project_counts.py), never written
# by the site. The row of a project has the label "".
project_counts = Table(
    "project_counts",
    metadata,
    Column("project_id", String(24), primary_key=True),
    Column("label", String(24), primary_key=True),  # its id
    Column("stored", BigInteger, nullable=False),  # pictures of any status, for the quota
    Column("stored_bytes", BigInteger, nullable=False),
    Column("pictures", BigInteger, nullable=False),  # that are ready
    Column("labelled", BigInteger, nullable=False),
    Column("empty", BigInteger, nullable=False),  # labelled, and they show no label
)
# Every annotation ever saved: who, when, what.
annotations = Table(
    "annotations",
    metadata,
    Column("picture_id", String(24), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("project_id", String(24), nullable=False),
    Column("labelled_by", String(24), nullable=False),
    Column("labelled_at", DateTime, nullable=False),
    Column("boxes", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("agreement", Float),  # with the truth of a hidden truth picture, 0 to 1
    Index("annotations_by_labeller", "project_id", "labelled_by"),
)
model_versions = Table(
    "model_versions",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("project_id", String(24), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, … in its project
    Column("name", String(100), nullable=False),  # the VersionName of Custom Labels
    Column("engine", String(16), nullable=False),  # embedded, rekognition
    Column("state", String(32), nullable=False),  # the service's names, TRAINING_IN_PROGRESS …
    Column("state_message", String(500), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(24), nullable=False),
    Column("job_id", String(64)),  # of the training
    Column("seed", Integer, nullable=False),
    Column("labels", JSON, nullable=False),  # id and name of each, as they were
    Column("trained_at", DateTime),
    Column("training_seconds", Float),
    Column("trunk_sha256", String(64)),  # of the embedded trunk that its file belongs to
    Column("file_key", String(200)),  # in the storage
    Column("file_sha256", String(64)),
    Column("file_bytes", Integer),
    Column("arn", String(400)),  # of the project version at Amazon Rekognition
    Column("evaluation", JSON),
    Column("pictures", Integer, nullable=False),  # trained with
    Column("withdrawn_pictures", Integer, nullable=False),  # of those, deleted since
    Column("is_default", Boolean, nullable=False),  # answers visitors who chose nothing
    Column("may_start_itself", Boolean, nullable=False),  # when a visitor asks for it
    # The life of a model: see hosting.py.
    Column("should_run", Boolean, nullable=False),
    Column("units", Integer, nullable=False),
    Column("started_at", DateTime),
    Column("started_by", String(24)),
    Column("last_used_at", DateTime),
    Column("lease_until", DateTime),
    Column("ceiling_at", DateTime),  # stopped then in any case
    Column("metered_until", DateTime),  # what it cost until then is in the ledger
    Index("model_versions_by_number", "project_id", "number", unique=True),
    Index("model_versions_by_state", "state"),
)
version_pictures = Table(
    "version_pictures",
    metadata,
    Column("version_id", String(24), primary_key=True),
    Column("picture_id", String(24), primary_key=True),
    Column("split", String(16), nullable=False),
    Index("version_pictures_by_picture", "picture_id"),
)
