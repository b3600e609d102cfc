"""Take frames of a video into a project: for operators, and of their own videos alone."""

from typing import TYPE_CHECKING

from rubberduck.web.deps import job_queue
from rubberduck.web.operators import audit, current_operator, require_operator
from rubberduck.web.projects import project_pictures, projects, quota
from rubberduck.web.videos import is_mine, ready_video

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project
    from rubberduck.videos.models import Video

MAX_FRAMES, DEFAULT_FRAMES = 500, 100  # of one video at once


def enqueue_frames(
    project_id: str, video_id: str, *, label_id: str | None = None, **choice: object
) -> str:
    """Queue the job; return its id. `choice` is that of services.frames_into_projects.FrameChoice.

    Objects whose name no label has get the label `label_id`; without it, the project's only one.
    Raises NotSignedIn, NotAllowed, NoSuchProject, NoSuchVideo, VideoNotReady, NotYourVideo,
    ProjectFull, TooManyJobs, JobsUnavailable.
    """
    from rubberduck.videos.errors import NotYourVideo

    operator = require_operator()
    project, video = projects().get(project_id), ready_video(video_id)
    if not is_mine(video):
        raise NotYourVideo
    if label_id is None and len(project.labels) == 1:
        label_id = project.labels[0].id
    elif label_id is not None:
        project.label(label_id)
    project_pictures().require_room(project.id, 1)
    limits = quota()
    job_id = job_queue().enqueue(
        "take-in-frames",
        f"project:{project.id}",
        project_id=project.id,
        operator_id=operator.id,
        video_id=video.id,
        choice={
            **choice,
            "label_id": label_id,
            "quota_pictures": limits.pictures,
            "quota_bytes": limits.bytes,
        },
    )
    audit("project.frames", project.name, id=project.id, video=video.id)
    return job_id


def projects_to_train(video: "Video") -> "tuple[Project, ...] | None":
    """Return the projects that can take frames of this video; None for who may not do it."""
    operator = current_operator()
    if operator is None or not operator.is_operator or not is_mine(video):
        return None
    return projects().list_all()
