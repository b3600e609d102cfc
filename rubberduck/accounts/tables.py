"""The tables of operators: who they are, how they sign in, and what they did."""

from sqlalchemy import JSON, Column, DateTime, Index, Integer, String, Table, Text

from rubberduck.db.tables import metadata

# People who sign in. Times are UTC.
operators = Table(
    "operators",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("role", String(16), nullable=False),  # operator, labeller
    Column("subject", String(400)),  # issuer and subject at an OIDC provider
    Column("created_at", DateTime, nullable=False),
    Column("removed_at", DateTime),  # signs in no more; the name stays for what was done
    Index("operators_by_name", "name", unique=True),
    Index("operators_by_subject", "subject", unique=True),
)
# One-time links. Only the SHA-256 of what a link or a cookie contains is stored.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("operator_id", String(24), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("used_at", DateTime),
)
operator_sessions = Table(
    "operator_sessions",
    metadata,
    Column("id", String(16), primary_key=True),  # public: names the session when it is revoked
    Column("secret_hash", String(64), nullable=False),
    Column("operator_id", String(24), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("last_seen_at", DateTime, nullable=False),
    Column("how", String(16), nullable=False),  # link, oidc
    Column("browser", String(200), nullable=False),
    Column("id_token", Text),  # of an OpenID provider, which is told when the session is ended
    Index("operator_sessions_by_secret", "secret_hash", unique=True),
    Index("operator_sessions_by_operator", "operator_id"),
)
# What operators did, with their names of that time.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("operator_id", String(24), nullable=False),
    Column("operator_name", String(80), nullable=False),
    Column("act", String(64), nullable=False),  # such as model.start
    Column("object", String(200), nullable=False),
    Column("details", JSON, nullable=False),
    Index("audit_log_by_time", "at"),
)
