"""People whose faces are stored at Amazon, and the consents."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "indexed_faces",
        sa.Column("face_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("face_id"),
    )
    op.create_index("indexed_faces_by_person", "indexed_faces", ["person_id"], unique=False)
    op.create_table(
        "indexed_people",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("collection", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("has_user", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("consent_from", sa.String(length=200), nullable=False),
        sa.Column("consent_on", sa.Date(), nullable=False),
        sa.Column("consent_how", sa.String(length=200), nullable=False),
        sa.Column("consent_note", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "indexed_people_by_collection",
        "indexed_people",
        ["collection", "created_at", "id"],
        unique=False,
    )
    op.create_index("indexed_people_by_expiry", "indexed_people", ["expires_at"], unique=False)
