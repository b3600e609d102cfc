"""The tables of videos: their rows, analysed segments, uploads, and analyses that cost money."""

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

# Times are UTC; pts are in units of the video's time base.
videos = Table(
    "videos",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("status", String(16), nullable=False),  # see models.py
    Column("created_at", DateTime, nullable=False),
    Column("owner", String(64)),  # the visitor's id
    Column("question", String(200), nullable=False),
    Column("model", String(24)),  # the project whose model answers
    Column("engine", String(64), nullable=False),
    Column("engine_version", String(200)),
    Column("min_confidence", Float, nullable=False),
    Column("sample_rate", Float, nullable=False),  # a second
    Column("bytes", BigInteger, nullable=False),  # of the original
    Column("stored_bytes", BigInteger, nullable=False),  # of all its objects
    Column("original_key", String(1100)),  # or s3://BUCKET/KEY; NULL after the analysis
    Column("copy_key", String(200)),  # plays in browsers, without metadata
    Column("copy_type", String(32)),
    Column("poster_key", String(200)),
    Column("rendered_key", String(200)),  # with the boxes drawn in
    Column("rendered_type", String(32)),
    Column("info", JSON),  # models.VideoInfo
    Column("job_id", String(64)),  # of the analysis
    Column("render_job_id", String(64)),
    Column("error", String(500)),
    Column("found", Boolean),
    Column("score", Float),
    Column("said", String(200)),
    Column("distinct", Integer),  # number of different objects
    Column("samples", Integer, nullable=False),
    Column("ended_at", DateTime),
    Index("videos_by_owner", "owner", "created_at", "id"),
    Index("videos_by_age", "status", "created_at"),
)
video_segments = Table(
    "video_segments",
    metadata,
    Column("video_id", String(24), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("end_pts", BigInteger, nullable=False),
    Column("first_seconds", Float, nullable=False),
    Column("samples", JSON, nullable=False),  # see store.py
)
# Uploads by the protocol tus 1.0; see uploads.py.
video_uploads = Table(
    "video_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),  # counts the writes, each on a condition
    Column("key", String(200), nullable=False),
    Column("parts_id", String(1024)),  # of the storage, for an object in parts
    Column("parts", JSON, nullable=False),
    Column("details", JSON, nullable=False),  # question or model, file name
    Column("video_id", String(24)),  # when it is complete
    Index("video_uploads_by_owner", "owner"),
    Index("video_uploads_by_expiry", "expires_at"),
)
# Analyses that cost money; see paid.py.
video_paid_analyses = Table(
    "video_paid_analyses",
    metadata,
    Column("id", String(24), primary_key=True),  # its segments are stored under it until its end
    Column("video_id", String(24), nullable=False),
    Column("way", String(24), nullable=False),
    Column("question", String(200), nullable=False),
    Column("model", String(24)),  # the project, for calls to a model
    Column("rate", Float),  # frames a second, for calls with pictures
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("max_calls", Integer, nullable=False),
    Column("microdollars", BigInteger, nullable=False),  # what was shown before the start
    Column("job_id", String(64)),
    Column("token", String(64), nullable=False),  # ClientRequestToken: started once
    Column("remote_id", String(64)),  # JobId
    Column("engine_version", String(200)),
    Column("answer", JSON),  # of Rekognition Video: celebrities, segments
    Column("error", String(500)),
    Column("ended_at", DateTime),
    Index("video_paid_analyses_by_video", "video_id", "created_at"),
    Index("video_paid_analyses_by_remote_id", "remote_id"),
)
