"""The tables of named objects and their photos."""

from sqlalchemy import JSON, Column, DateTime, Index, Integer, LargeBinary, String, Table

from rubberduck.db.tables import metadata

# Times are UTC. A row that is deleting is hidden, and its photos are being deleted.
named_objects = Table(
    "named_objects",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("status", String(16), nullable=False),  # ready, deleting
    Column("name", String(100), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(24), nullable=False),  # an operator; empty: the command line
    Index("named_objects_by_name", "name", unique=True),
)
named_object_photos = Table(
    "named_object_photos",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("object_id", String(24), nullable=False),
    Column("status", String(16), nullable=False),  # pending, ready, deleting
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(24), nullable=False),
    Column("key", String(200), nullable=False),  # the storage's key
    Column("sha256", String(64), nullable=False),  # of the bytes as sent; deleting: the id
    Column("difference_hash", String(64)),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    # Of the duck: left, top, width, height, as shares of the picture; NULL: the whole photo counts.
    Column("box", JSON(none_as_null=True)),
    Column("embedding", String(32), nullable=False),  # the version of the embedding
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    Index("named_object_photos_by_object", "object_id", "created_at"),
    Index("named_object_photos_by_sha256", "sha256", unique=True),
)
