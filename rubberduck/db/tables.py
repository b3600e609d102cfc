"""The tables of the results database and the schema revision this code needs."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA = "0022"  # the Alembic revision that this code reads and writes
# The status of a row. DELETING: hidden from everybody, its pictures are being deleted.
PENDING, READY, DELETING = "pending", "ready", "deleting"
metadata = MetaData()
duck_results = Table(
    "duck_results",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("question", String(200), nullable=False),
    Column("s3_key", String(200), nullable=False),  # the storage's key, also in a folder
    Column("marked_key", String(200)),
    Column("said", String(200)),
    Column("min_confidence", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("several_frames", Boolean),
    Column("is_truncated", Boolean),  # NULL of code before 0006
    Column("duck_found", Boolean),
    Column("confidence_score", Float),  # percent; empty when the answer is no
    Column("bounding_box_data", JSON),  # the boxes that count
    Column("because", JSON),  # the best label of each matched group
    Column("missing", JSON),  # the unmatched groups
    Column("labels", JSON),  # every label of the detector
    Column("engine", String(64)),
    Column("instead_of", String(64)),
    Column("instead_because", String(16)),  # failed, budget-spent
    Column("owner", String(64)),  # the visitor's id; NULL without a cookie
    Column("upload_sha256", String(64)),  # of the bytes as sent, for deduplication
    Column("idempotency_key", String(255)),  # of code before 0004, when keys were global
    Column("engine_version", String(200)),
    Column("worker", String(64)),  # the process that handles the upload; see workers.py
    Column("heartbeat_at", DateTime),  # UTC; updated while a picture is processed
    Column("retained_from", DateTime),  # UTC; when it was last returned for a repeated upload
    Column("judged_right", Boolean),  # feedback of its owner, if any
    Column("stored_bytes", BigInteger),  # of its pictures; NULL while pending, and before 0021
    Index("duck_results_by_owner", "owner", "created_at", "id"),
    Index("duck_results_by_upload", "upload_sha256"),
    Index("duck_results_by_age", "status", "created_at"),
    Index("duck_results_by_key", "idempotency_key", unique=True),
)
# The sum of `stored_bytes` of each owner's results, kept by triggers; "" is nobody's.
visitor_storage = Table(
    "visitor_storage",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)
# The Idempotency-Keys of each caller; several may lead to one result.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_hash", String(64), primary_key=True),  # SHA-256 of caller and key
    Column("result_id", String(64), nullable=False),
    Column("upload_sha256", String(64), nullable=False),
    Index("idempotency_keys_by_result", "result_id"),
)
# Anonymous totals, so they outlive the results that they count.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", Date, primary_key=True),  # of UTC
    Column("question", String(200), primary_key=True),
    Column("engine", String(64), primary_key=True),
    Column("score_band", Integer, primary_key=True),  # 9: 90 % and more; -1: the answer was no
    Column("asked", Integer, nullable=False),
    Column("judged_right", Integer, nullable=False),
    Column("judged_wrong", Integer, nullable=False),
    Column("corrected", Integer, nullable=False, server_default="0"),
)
# Where the objects really are, as the owner of a result drew them; one row for a result.
corrections = Table(
    "corrections",
    metadata,
    Column("result_id", String(64), primary_key=True),
    Column("boxes", JSON, nullable=False),  # left, top, width, height as fractions; label
    Column("consent", Boolean, nullable=False),  # the picture may be used for training
    Column("created_at", DateTime, nullable=False),  # UTC; of the newest version
)
# What the faces in a picture look like, if its owner asked to keep it; one row for a result.
face_answers = Table(
    "face_answers",
    metadata,
    Column("result_id", String(64), primary_key=True),
    Column("faces", JSON, nullable=False),  # boxes as fractions, smiles, emotions, ages
    Column("engine", String(64), nullable=False),
    Column("engine_version", String(200)),
    Column("fallback_for", String(64)),
    Column("fallback_reason", String(16)),  # failed, budget-spent
    Column("created_at", DateTime, nullable=False),  # UTC
)
# Billed calls, counted before they are made; see budget.py.
calls = Table(
    "calls",
    metadata,
    Column("engine", String(64), primary_key=True),
    Column("period", String(10), primary_key=True),  # a month, 2026-11, or a day, 2026-11-20; UTC
    Column("taken", Integer, nullable=False),
    Column("dollars_a_call", Float, nullable=False),
)
# What was spent on all services, in millionths of a US dollar; see billing/ledger.py.
ledger = Table(
    "ledger",
    metadata,
    Column("key", String(200), primary_key=True),  # makes a charge happen once
    Column("at", DateTime, nullable=False),  # UTC
    Column("service", String(64), nullable=False),
    Column("what", String(200), nullable=False),
    Column("microdollars", BigInteger, nullable=False),
    Column("project_id", String(24)),
    Index("ledger_by_time", "at"),
)
ledger_totals = Table(
    "ledger_totals",
    metadata,
    Column("period", String(10), primary_key=True),  # a month or a day, UTC
    Column("microdollars", BigInteger, nullable=False),
)
# What one of all processes does at a time; see leases.py.
leases = Table(
    "leases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", String(64), nullable=False),  # the process; see workers.py
    Column("free_at", DateTime, nullable=False),  # UTC; any process may take it from then on
    Column("outcome", String(200)),  # of the last run
)
# Who answers an object that arrived in a bucket, or has; see events/claims.py.
event_claims = Table(
    "event_claims",
    metadata,
    Column("name", String(64), primary_key=True),  # SHA-256 of bucket and key
    Column("revision", BigInteger, nullable=False),  # counts the changes
    Column("record", JSON, nullable=False),
    Column("changed_at", DateTime, nullable=False),  # UTC
    Index("event_claims_by_age", "changed_at"),
)
# Answers for all pictures of a bucket below a prefix; see db/bucket_runs.py.
bucket_runs = Table(
    "bucket_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("bucket", String(63), nullable=False),
    Column("prefix", String(1024), nullable=False),
    Column("question", String(200), nullable=False),
    Column("pages", Integer, nullable=False),  # listed by now
    Column("is_listed", Boolean, nullable=False),  # to the end
    Index("bucket_runs_by_age", "created_at"),
)
bucket_pages = Table(
    "bucket_pages",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("pictures", Integer, nullable=False),  # on this page
    Column("is_done", Boolean, nullable=False),
)
bucket_answers = Table(
    "bucket_answers",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("key_hash", String(64), primary_key=True),  # SHA-256
    Column("page", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("found", Boolean),
    Column("score", Float),
    Column("boxes", JSON),
    Column("engine", String(64)),
    Column("error", String(500)),
    Index("bucket_answers_by_page", "run_id", "page"),
)
# What only the emulator knows, such as its jobs and faults; see db/emulator_records.py.
emulator_records = Table(
    "emulator_records",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("project_id", String(24)),  # goes with the project
    Column("record", JSON, nullable=False),
    Column("changed_at", DateTime, nullable=False),  # UTC
    Column("expires_at", DateTime),  # UTC
    Index("emulator_records_by_project", "project_id"),
    Index("emulator_records_by_expiry", "expires_at"),
)
# One row: the database as it was last seen, which a restored copy is not; see restored.py.
database_identity = Table(
    "database_identity",
    metadata,
    Column("only_row", Integer, primary_key=True, autoincrement=False),  # 1
    Column("identity", String(200), nullable=False),
    Column("restored_at", DateTime),  # UTC
)
# Long work; see rubberduck/jobs. The engine's own tables say which steps are done.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("owner", String(64), nullable=False),  # a visitor's id, or jobs.models.SITE
    Column("arguments", JSON, nullable=False),
    Column("state", String(16), nullable=False),  # queued, running, done, failed, cancelled
    Column("attempt", Integer, nullable=False),  # counts from 0; a retry starts again from nothing
    Column("is_handed_over", Boolean, nullable=False),  # to the engine's queue
    Column("progress", Integer, nullable=False),  # percent
    Column("message", String(200), nullable=False),  # what it does at the moment, in English
    Column("sentence", JSON),  # message, or error, as template and values, to be translated
    Column("error", String(500)),  # in plain words, if it failed
    Column("result", JSON),
    Column("executor", String(64)),  # the worker that runs it
    Column("created_at", DateTime, nullable=False),  # UTC, as all times
    Column("started_at", DateTime),
    Column("ended_at", DateTime),
    Index("jobs_by_state", "state", "created_at"),
    Index("jobs_by_owner", "owner", "created_at"),
)
job_log = Table(
    "job_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("line", Text, nullable=False),
    Column("sentence", JSON(none_as_null=True)),  # the same as template and values
    Index("job_log_by_job", "job_id", "id"),
)
# The workers. A process that ends frees its id for the next one; see jobs/executors.py.
job_executors = Table(
    "job_executors",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("heartbeat_at", DateTime, nullable=False),  # by the clock of the database
)
# People whose faces are stored at Amazon Rekognition, each with the consent; see indexed_people.py.
# A row is written before the face is sent, so that what is there can always be found.
indexed_people = Table(
    "indexed_people",
    metadata,
    Column("id", String(24), primary_key=True),  # random: all that Amazon learns of the person
    Column("collection", String(255), nullable=False),
    Column("label", String(80), nullable=False),  # what the operator calls the person
    Column("status", String(16), nullable=False),  # indexing, indexed, deleting
    Column("changed_at", DateTime, nullable=False),  # since when it has this status
    Column("has_user", Boolean, nullable=False),  # at Amazon, under the same id
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),  # the operator who wrote the consent down
    Column("expires_at", DateTime, nullable=False),
    Column("consent_from", String(200), nullable=False),  # the person, or who decides for them
    Column("consent_on", Date, nullable=False),
    Column("consent_how", String(200), nullable=False),
    Column("consent_note", String(500), nullable=False),
    Index("indexed_people_by_collection", "collection", "created_at", "id"),
    Index("indexed_people_by_expiry", "expires_at"),
)
indexed_faces = Table(
    "indexed_faces",
    metadata,
    Column("face_id", String(36), primary_key=True),  # Amazon's
    Column("person_id", String(24), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Index("indexed_faces_by_person", "person_id"),
)
# Tokens for programs; see accounts/tokens.py.
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", String(16), primary_key=True),  # public: names the token when it is revoked
    Column("token_hash", String(64), nullable=False),  # SHA-256; the token itself is not stored
    Column("scope", String(16), nullable=False),  # visitor, labeller, operator
    Column("owner", String(64), nullable=False),  # of a visitor's token, the visitor's id
    Column("name", String(80), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("expires_at", DateTime, nullable=False),  # UTC
    Column("last_used_at", DateTime),  # UTC; at most a minute old
    Column("made_with", String(16)),  # the id of the token that made it; NULL: a person did
    Index("access_tokens_by_hash", "token_hash", unique=True),
    Index("access_tokens_by_owner", "owner"),
)
# One row: the oldest revision of the code that can use this database. A migration that only adds
# does not change it, so that machines of the previous version keep working during a deployment.
compatibility = Table("compatibility", metadata, Column("works_from", String(32), primary_key=True))
