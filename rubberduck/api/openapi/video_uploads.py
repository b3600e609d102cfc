"""The operations that bring videos as OpenAPI describes them: whole, in parts, from S3."""

from rubberduck.api import tus_errors
from rubberduck.api import uploads as tus
from rubberduck.api.openapi.builders import (
    JSON,
    ErrorType,
    JsonObject,
    operation,
    parameter,
    problem_responses,
    ref,
    required_parameter,
    response,
)
from rubberduck.api.tus import VERSION as TUS_VERSION
from rubberduck.api.uploads import UploadBody
from rubberduck.api.videos import ReceivedVideoBody, VideoSourceBody
from rubberduck.core import errors
from rubberduck.videos import upload_errors
from rubberduck.videos.errors import NoFreeAnalysis, NoSuchVideo, VideosFull, VideoTooLarge
from rubberduck.web.errors import NotAllowed, NotSignedIn
from rubberduck.web.video_uploads import VIDEO_FIELD

BODIES = (UploadBody, VideoSourceBody, ReceivedVideoBody)
ROOM: tuple[ErrorType, ...] = (
    upload_errors.NoVideo,
    VideoTooLarge,
    VideosFull,
    errors.SiteStorageFull,
    upload_errors.TooManyVideos,
    upload_errors.StorageFull,
    errors.Unavailable,
)
UPLOAD_ID = parameter(
    "id",
    "path",
    {"type": "string", "format": "upload-id", "maxLength": 24},
    "The id of the upload.",
)
VERSION = required_parameter(
    "Tus-Resumable", "header", {"type": "string", "enum": [TUS_VERSION]}, "The version of tus."
)
NUMBER = {"type": "string", "pattern": tus.NUMBER_RE}
LENGTH = required_parameter(
    "Upload-Length",
    "header",
    {"type": "string", "pattern": tus.LENGTH_RE, "examples": ["6000"]},
    "The size of the file, in bytes.",
)
OFFSET = required_parameter(
    "Upload-Offset", "header", NUMBER | {"examples": ["0"]}, "Where the bytes begin in the file."
)
METADATA = parameter(
    "Upload-Metadata",
    "header",
    {"type": "string", "pattern": tus.METADATA_RE, "maxLength": tus.MAX_METADATA},
    "Pairs of a key and a value in Base64. “filename” is shown until the upload is a video.",
)
CHECKSUM = parameter(
    "Upload-Checksum",
    "header",
    {"type": "string", "pattern": tus.CHECKSUM_RE},
    "“sha1” or “sha256”, and that checksum of the body in Base64.",
)
FILE = {"type": "string", "format": "binary", "description": "The video."}


def video_uploads() -> JsonObject:
    """Return the operations by path."""
    return {
        "/videos": {"post": _create_video()},
        "/uploads": {"post": _create_upload()},
        "/uploads/{id}": {
            "parameters": [UPLOAD_ID],
            "get": _get_upload(),
            "patch": _append(),
            "delete": _delete(),
        },
    }


def _create_video() -> JsonObject:
    form = {"type": "object", "properties": {VIDEO_FIELD: FILE}, "required": [VIDEO_FIELD]}
    content = {
        "multipart/form-data": {
            "schema": form,
            "encoding": {VIDEO_FIELD: {"contentType": "video/*"}},
        },
        "video/*": {"schema": FILE},
        JSON: {"schema": ref("schemas", "VideoSourceBody")},
    }
    return operation(
        "create_video",
        "Check a video",
        "Takes a video and queues its analysis. It is a form's file or the whole body; or an "
        "upload in parts, which can be repeated if the response is lost; or, for operators, an "
        "object in Amazon S3, which is only read. What is inside decides, not the name: MP4, MOV, "
        "WebM, MKV, AVI or MPEG-TS.",
        {
            "202": response("It is queued.", "ReceivedVideoBody", ["Location", "Set-Cookie"]),
            **problem_responses(
                *ROOM,
                errors.InvalidParameter,
                errors.CompressedBody,
                upload_errors.VideoIncomplete,
                NotSignedIn,
                NotAllowed,
                NoFreeAnalysis,
                NoSuchVideo,
                upload_errors.NoSuchUpload,
                upload_errors.UploadUnfinished,
                upload_errors.AddressRefused,
                errors.PictureTooLarge,
                errors.TooManyJobs,
                errors.JobsUnavailable,
            ),
        },
        requestBody={"required": True, "content": content},
    )


def _create_upload() -> JsonObject:
    created = response(
        "Send the bytes to this address.",
        "UploadBody",
        ["Location", "Upload-Offset", "Upload-Expires", "Set-Cookie"],
    )
    return operation(
        "create_upload",
        "Begin an upload in parts",
        "A video can come in parts, by the protocol tus 1.0: after a broken connection, it goes on "
        "where it was. What has arrived is kept for a day. Any client of that protocol works, with "
        "this address as its endpoint.",
        {
            "201": created,
            **problem_responses(*ROOM, errors.InvalidParameter, tus_errors.WrongTusVersion),
        },
        parameters=[VERSION, LENGTH, METADATA],
    )


def _get_upload() -> JsonObject:
    headers = ["Upload-Offset", "Upload-Length", "Upload-Expires"]
    return operation(
        "get_upload",
        "See how much of an upload has arrived",
        "HEAD is what tus asks. Other visitors' uploads return 404.",
        {
            "200": response("The upload.", "UploadBody", headers),
            **problem_responses(upload_errors.NoSuchUpload, errors.Unavailable),
        },
    )


def _append() -> JsonObject:
    content = {tus.CONTENT_TYPE: {"schema": FILE | {"description": "The next bytes."}}}
    return operation(
        "append_upload",
        "Send the next bytes of an upload",
        "Parts of 8 MB are best. When all bytes are there, `POST /videos` makes a video of them.",
        {
            "204": response("They are stored.", headers=["Upload-Offset", "Upload-Expires"]),
            **problem_responses(
                errors.InvalidParameter,
                tus_errors.WrongTusVersion,
                tus_errors.WrongPartType,
                errors.CompressedBody,
                upload_errors.VideoIncomplete,
                upload_errors.NoSuchUpload,
                upload_errors.WrongOffset,
                tus_errors.ChecksumMismatch,
                errors.Unavailable,
            ),
        },
        parameters=[VERSION, OFFSET, CHECKSUM],
        requestBody={"required": True, "content": content},
    )


def _delete() -> JsonObject:
    return operation(
        "delete_upload",
        "Delete an upload",
        "Deletes what has arrived. An upload that is a video by now stays.",
        {
            "204": response("It is deleted."),
            **problem_responses(
                tus_errors.WrongTusVersion,
                upload_errors.NoSuchUpload,
                upload_errors.UploadIsVideo,
                errors.Unavailable,
            ),
        },
        parameters=[VERSION],
    )
