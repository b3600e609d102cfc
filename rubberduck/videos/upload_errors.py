"""The errors of uploads of videos in parts."""

from rubberduck.core.errors import DuckError, UploadIncomplete


class VideoIncomplete(UploadIncomplete):
    """The connection broke; what came of an upload in parts is stored."""

    hint = "Check your connection and send it again. An upload in parts goes on where it was."


class NoSuchUpload(DuckError):
    status = 404
    slug = "no-such-upload"
    title = "There is no such upload"
    hint = "Send the video again from its beginning."

    def __init__(self) -> None:
        super().__init__("It has expired, was deleted, or belongs to somebody else.")


class WrongOffset(DuckError):
    """The bytes do not begin where those that are stored end."""

    status = 409
    slug = "wrong-offset"
    title = "The upload stands elsewhere"
    hint = "Ask for its offset (HEAD) and go on from there."

    def __init__(self, sent: int, stored: int) -> None:
        super().__init__(
            "The bytes begin at {sent}, but {stored} bytes are stored.", sent=sent, stored=stored
        )


class UploadIsVideo(DuckError):
    """The upload is complete and became a video."""

    status = 409
    slug = "upload-is-video"
    title = "This upload is a video by now"
    hint = "Delete the video instead."
