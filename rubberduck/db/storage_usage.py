"""How many bytes are stored, and the limits of one visitor's pictures and of the whole site.

Uploads that arrive at the same moment are each compared with what was stored before them, so that
a limit can be exceeded by as many as are processed at a time.
"""

from sqlalchemy import bindparam, column, func, select, table

from rubberduck.core.errors import SiteStorageFull, VisitorStorageFull
from rubberduck.core.models import StorageLimits
from rubberduck.db.engine import Database
from rubberduck.db.tables import visitor_storage

MEGABYTE = 1_000_000
# Tables of other packages, of which only the sums are needed here.
_projects = table("project_counts", column("label"), column("stored_bytes"))
_videos = table("videos", column("stored_bytes"))
_uploads = table("video_uploads", column("bytes"), column("video_id"))
# Built once: SQLAlchemy takes longer to build a statement than the database to execute it.
OF_VISITOR = select(visitor_storage.c.bytes).where(visitor_storage.c.owner == bindparam("by"))
OF_SITE = (
    select(func.coalesce(func.sum(visitor_storage.c.bytes), 0)),
    select(func.coalesce(func.sum(_projects.c.stored_bytes), 0)).where(_projects.c.label == ""),
    select(func.coalesce(func.sum(_videos.c.stored_bytes), 0)),
    # Videos on their way, which are no rows of `videos` yet.
    select(func.coalesce(func.sum(_uploads.c.bytes), 0)).where(_uploads.c.video_id.is_(None)),
)


def bytes_of_visitor(database: Database, owner: str) -> int:
    """Return the bytes of a visitor's pictures, without videos. Raises ResultsUnavailable."""
    with database.transaction() as connection:
        return connection.scalar(OF_VISITOR, {"by": owner}) or 0


def bytes_of_site(database: Database) -> int:
    """Return the bytes of all pictures and videos of visitors and projects.

    Adds up one row for each visitor, project and video. Raises ResultsUnavailable.
    """
    with database.transaction() as connection:
        return sum(int(connection.execute(query).scalar_one()) for query in OF_SITE)


def require_room(database: Database, limits: StorageLimits, owner: str | None, bytes: int) -> None:
    """Raise VisitorStorageFull or SiteStorageFull if so much more would exceed a limit.

    Pictures without an owner count for the site only. Raises ResultsUnavailable.
    """
    if owner is not None and limits.visitor is not None:
        used = bytes_of_visitor(database, owner)
        if used + bytes > limits.visitor:
            raise VisitorStorageFull(
                "Your other pictures take {used} of the {most} MB that this site keeps for you:"
                " there is no room for this one.",
                used=_megabytes(used),
                most=_megabytes(limits.visitor),
            )
    require_site_room(database, limits.site, bytes)


def require_site_room(database: Database, limit: int | None, bytes: int) -> None:
    """Raise SiteStorageFull if so much more would exceed the site's limit. None: no limit."""
    if limit is not None and (used := bytes_of_site(database)) + bytes > limit:
        raise SiteStorageFull(
            "It keeps as many pictures and videos as it may.",
            cause=f"{_megabytes(used)} of {_megabytes(limit)} MB are used: raise DUCK_SITE_BYTES, "
            "lower DUCK_KEEP_DAYS, or delete projects and videos",
        )


def _megabytes(bytes: int) -> str:
    """
    >>> _megabytes(2_345_678), _megabytes(1_000_000_000)
    ('2.3', '1,000')
    """
    return f"{bytes / MEGABYTE:,.1f}".removesuffix(".0")
