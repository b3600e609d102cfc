"""Access from a request to projects, and the limits of what is sent to them.

Nothing of custom_models is imported before the first request to a project.
"""

from typing import TYPE_CHECKING, cast

from flask import Flask, request

from rubberduck.web.deps import job_queue, pipeline, settings, text
from rubberduck.web.multipart import UploadRequest
from rubberduck.web.operators import require_labeller, require_operator
from rubberduck.web.video_uploads import FORM_OVERHEAD, video_uploads

if TYPE_CHECKING:
    from rubberduck.custom_models.project_pictures import ProjectPictures, Quota
    from rubberduck.custom_models.projects import Projects
    from rubberduck.jobs.models import Job

ACTIVE_JOBS = 5  # that are shown with a project
# Requests that bring pictures: the project's quota is checked before the body is read.
IMPORT = "api.import_into_project"
LARGE_UPLOADS = ("projects.upload", IMPORT)
UPLOADS = (*LARGE_UPLOADS, "api.add_project_picture")
# Addresses below these take somebody who signed in; which role, each route says itself.
PATHS = ("/projects", "/collections", "/account")
SIGNED_IN = (*PATHS, *(f"/api/v1{path}" for path in PATHS))


def register_project_uploads(app: Flask) -> None:
    """Check who sends, and the quota of uploads, before CSRF protection reads the form."""
    app.before_request(_require_sign_in)
    app.before_request(_admit_upload)


def _require_sign_in() -> None:
    """Raise NotSignedIn before anything of a stranger's body is read."""
    rule = request.url_rule
    if rule is not None and rule.rule.startswith(SIGNED_IN) and request.method != "OPTIONS":
        require_labeller()


def _admit_upload() -> None:
    """Raise NotSignedIn, NotAllowed, NoSuchProject, ProjectFull, SiteStorageFull, TooManyJobs,
    StorageFull.
    """
    if request.endpoint not in UPLOADS or request.method != "POST":
        return
    require_operator()
    project, bytes = projects().get((request.view_args or {})["id"]), request.content_length or 0
    # An import may bring labels alone, for the pictures of a project that is full of them.
    pictures = 0 if request.endpoint in LARGE_UPLOADS else 1
    project_pictures().require_room(project.id, pictures, bytes)
    if request.endpoint not in LARGE_UPLOADS:
        _admit_picture()
        return
    if request.endpoint == IMPORT or "import" in request.args:  # without, it may be of pictures
        job_queue().require_room(f"project:{project.id}")
        video_uploads().require_disk(bytes)
    _admit_large_form()


def _admit_picture() -> None:
    """Take a larger picture if it may be shrunk."""
    from rubberduck.custom_models.originals import most_bytes, original_too_large

    own, most = cast(UploadRequest, request), pipeline().max_bytes
    shrink = request.args.get("shrink") == "true"
    own.max_content_length = most_bytes(most, shrink=shrink) + FORM_OVERHEAD
    own.too_large = original_too_large(most, shrink=shrink)


def _admit_large_form() -> None:
    from rubberduck.custom_models.errors import ImportTooLarge

    own, most = cast(UploadRequest, request), settings().archive_bytes
    own.allow_large_form(most)
    own.too_large = ImportTooLarge(
        "It is larger than the limit of {most} MB.", most=f"{most / 1e6:g}"
    )


def projects() -> "Projects":
    from rubberduck.custom_models.projects import Projects

    return Projects(pipeline().results.database, text)


def quota() -> "Quota":
    from rubberduck.custom_models.project_pictures import Quota

    return Quota(
        settings().project_pictures, settings().project_bytes, pipeline().storage_limits.site
    )


def project_pictures() -> "ProjectPictures":
    from rubberduck.custom_models.project_pictures import ProjectPictures

    site = pipeline()
    return ProjectPictures(site.results.database, site.storage, site.max_bytes, quota())


def active_project_jobs(project_id: str) -> "list[Job]":
    """Return the newest jobs of a project that wait or run."""
    return job_queue().store.newest(f"project:{project_id}", ("queued", "running"), ACTIVE_JOBS)


def who() -> str:
    """Return the id of who signed in, for what is stored. Raises NotSignedIn."""
    return require_labeller().id
