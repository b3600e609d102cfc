"""Operators, projects with their pictures and model versions, and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "annotations",
        sa.Column("picture_id", sa.String(length=24), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("labelled_by", sa.String(length=24), nullable=False),
        sa.Column("labelled_at", sa.DateTime(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("agreement", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("picture_id", "revision"),
    )
    op.create_index(
        "annotations_by_labeller", "annotations", ["project_id", "labelled_by"], unique=False
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("operator_id", sa.String(length=24), nullable=False),
        sa.Column("operator_name", sa.String(length=80), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_log_by_time", "audit_log", ["at"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("microdollars", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ledger_by_time", "ledger", ["at"], unique=False)
    op.create_table(
        "ledger_totals",
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("microdollars", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period"),
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("state_message", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=24), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("trained_at", sa.DateTime(), nullable=True),
        sa.Column("training_seconds", sa.Float(), nullable=True),
        sa.Column("trunk_sha256", sa.String(length=64), nullable=True),
        sa.Column("file_key", sa.String(length=200), nullable=True),
        sa.Column("file_sha256", sa.String(length=64), nullable=True),
        sa.Column("file_bytes", sa.Integer(), nullable=True),
        sa.Column("arn", sa.String(length=400), nullable=True),
        sa.Column("evaluation", sa.JSON(), nullable=True),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("withdrawn_pictures", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("may_start_itself", sa.Boolean(), nullable=False),
        sa.Column("should_run", sa.Boolean(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("started_by", sa.String(length=24), nullable=True),
        sa.Column("last_used_at", sa.DateTime(), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("ceiling_at", sa.DateTime(), nullable=True),
        sa.Column("metered_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "model_versions_by_number", "model_versions", ["project_id", "number"], unique=True
    )
    op.create_index("model_versions_by_state", "model_versions", ["state"], unique=False)
    op.create_table(
        "operator_sessions",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "operator_sessions_by_operator", "operator_sessions", ["operator_id"], unique=False
    )
    op.create_index(
        "operator_sessions_by_secret", "operator_sessions", ["secret_hash"], unique=True
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("operators_by_name", "operators", ["name"], unique=True)
    op.create_index("operators_by_subject", "operators", ["subject"], unique=True)
    op.create_table(
        "project_labels",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("project_labels_by_name", "project_labels", ["project_id", "name"], unique=True)
    op.create_table(
        "project_pictures",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("preview_key", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("result_id", sa.String(length=64), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("difference_hash", sa.String(length=64), nullable=True),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("group_name", sa.String(length=255), nullable=True),
        sa.Column("split", sa.String(length=16), nullable=True),
        sa.Column("split_is_fixed", sa.Boolean(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("labelled_at", sa.DateTime(), nullable=True),
        sa.Column("labelled_by", sa.String(length=24), nullable=True),
        sa.Column("truth", sa.JSON(), nullable=True),
        sa.Column("uncertainty", sa.Float(), nullable=True),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "project_pictures_by_project",
        "project_pictures",
        ["project_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index("project_pictures_by_result", "project_pictures", ["result_id"], unique=False)
    op.create_index("project_pictures_by_owner", "project_pictures", ["owner"], unique=False)
    op.create_index(
        "project_pictures_by_sha256", "project_pictures", ["project_id", "sha256"], unique=True
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("question", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=24), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("next_version", sa.Integer(), nullable=False),
        sa.Column("arn", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("projects_by_name", "projects", ["name"], unique=True)
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "version_pictures",
        sa.Column("version_id", sa.String(length=24), nullable=False),
        sa.Column("picture_id", sa.String(length=24), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "picture_id"),
    )
    op.create_index("version_pictures_by_picture", "version_pictures", ["picture_id"], unique=False)
