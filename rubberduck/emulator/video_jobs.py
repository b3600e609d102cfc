"""The job that analyses a video and then tells a topic, in a worker."""

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from rubberduck.jobs.registry import job
from rubberduck.services.video_analysis import analyse_video

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task
    from rubberduck.jobs.context import Context
    from rubberduck.services.pipeline import Pipeline

log = logging.getLogger(__name__)


@job("emulator-video", needs_disk=True)
def analyse_and_notify(context: "Context", video_id: str, delay: float) -> Any:
    """Analyse as the site does, and publish how it ended; `delay` is DUCK_EMULATOR_DELAY."""
    from rubberduck.jobs.context import StepFailed

    context.sleep(delay)  # for so long the job is IN_PROGRESS at least
    try:
        result = analyse_video(context, video_id)
    except StepFailed:
        context.step("notify", notify, video_id, "FAILED")
        raise
    context.step("notify", notify, video_id, "SUCCEEDED")
    return result


def notify(task: "Task", video_id: str, status: str) -> bool:
    """Publish a notice as the service does; return whether it was sent.

    A topic that is gone is no reason to fail: the labels can be asked for.
    """
    from rubberduck.db.emulator_records import EmulatorRecords
    from rubberduck.emulator.videos import VIDEO

    site: Pipeline = task.site
    record = EmulatorRecords(site.results.database).get(VIDEO, video_id)
    if record is None or site.open_topic is None:
        return False
    request = record["request"]
    where, channel = request["Video"]["S3Object"], request["NotificationChannel"]
    message = {
        "JobId": video_id,
        "Status": status,
        "API": "StartLabelDetection",
        **({"JobTag": request["JobTag"]} if "JobTag" in request else {}),
        "Timestamp": round(time.time() * 1000),
        "Video": {"S3ObjectName": where["Name"], "S3Bucket": where["Bucket"]},
    }
    problem = site.open_topic(channel["SNSTopicArn"]).publish(json.dumps(message))
    if problem:
        log.warning("notice not sent video=%s problem=%s", video_id, problem)
    return problem is None
