"""Videos, their analysed segments, uploads in parts, analyses that cost money, suggested labels."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "video_paid_analyses",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("video_id", sa.String(length=24), nullable=False),
        sa.Column("way", sa.String(length=24), nullable=False),
        sa.Column("question", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=24), nullable=True),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("max_calls", sa.Integer(), nullable=False),
        sa.Column("microdollars", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column("engine_version", sa.String(length=200), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "video_paid_analyses_by_video",
        "video_paid_analyses",
        ["video_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "video_paid_analyses_by_remote_id", "video_paid_analyses", ["remote_id"], unique=False
    )
    op.create_table(
        "video_segments",
        sa.Column("video_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("end_pts", sa.BigInteger(), nullable=False),
        sa.Column("first_seconds", sa.Float(), nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("video_id", "number"),
    )
    op.create_table(
        "video_uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("parts_id", sa.String(length=1024), nullable=True),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("video_id", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("video_uploads_by_expiry", "video_uploads", ["expires_at"], unique=False)
    op.create_index("video_uploads_by_owner", "video_uploads", ["owner"], unique=False)
    op.create_table(
        "videos",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("question", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=24), nullable=True),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("engine_version", sa.String(length=200), nullable=True),
        sa.Column("min_confidence", sa.Float(), nullable=False),
        sa.Column("sample_rate", sa.Float(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("original_key", sa.String(length=1100), nullable=True),
        sa.Column("copy_key", sa.String(length=200), nullable=True),
        sa.Column("copy_type", sa.String(length=32), nullable=True),
        sa.Column("poster_key", sa.String(length=200), nullable=True),
        sa.Column("rendered_key", sa.String(length=200), nullable=True),
        sa.Column("rendered_type", sa.String(length=32), nullable=True),
        sa.Column("info", sa.JSON(), nullable=True),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.Column("render_job_id", sa.String(length=64), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("found", sa.Boolean(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("said", sa.String(length=200), nullable=True),
        sa.Column("distinct", sa.Integer(), nullable=True),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("videos_by_age", "videos", ["status", "created_at"], unique=False)
    op.create_index("videos_by_owner", "videos", ["owner", "created_at", "id"], unique=False)
    op.add_column("project_pictures", sa.Column("suggested", sa.JSON(), nullable=True))
