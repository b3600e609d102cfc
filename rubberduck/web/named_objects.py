"""Access from a request to named objects, and who may send photos of them.

Nothing of named_objects is imported before the first request for one.
"""

from typing import TYPE_CHECKING, cast

from flask import Flask, request

from rubberduck.web.deps import pipeline
from rubberduck.web.multipart import UploadRequest
from rubberduck.web.operators import require_operator

if TYPE_CHECKING:
    from rubberduck.services.named_objects import NamedObjectService

PHOTOS_AT_ONCE = 20  # in one form
# Forms with several photos: who sends them is checked before the body is read.
UPLOADS = ("named_objects.create", "named_objects.add_photos")
# Addresses below these take an operator.
OPERATORS = ("/which/objects", "/api/v1/named-objects")


def register_named_object_uploads(app: Flask) -> None:
    """Check who sends, before CSRF protection reads the form."""
    app.before_request(_admit)


def _admit() -> None:
    """Raise NotSignedIn, NotAllowed."""
    rule = request.url_rule
    if rule is None or not rule.rule.startswith(OPERATORS) or request.method == "OPTIONS":
        return
    require_operator()
    if request.endpoint in UPLOADS and request.method == "POST":
        most = PHOTOS_AT_ONCE * pipeline().max_bytes
        cast(UploadRequest, request).allow_large_form(most)


def named_objects() -> "NamedObjectService":
    from rubberduck.services.named_objects import NamedObjectService

    site = pipeline()
    return NamedObjectService(site.results.database, site.storage, site.read)
