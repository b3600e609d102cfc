"""The errors of uploads of videos in parts."""

from rubberduck.core.errors import DuckError, Unavailable, UploadIncomplete


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


class NoVideo(DuckError):
    status = 400
    slug = "no-video"
    title = "No video received"
    hint = "Choose a video, then send it again."


class UploadUnfinished(DuckError):
    """Bytes of the upload are missing."""

    status = 409
    slug = "upload-unfinished"
    title = "The upload is not complete"
    hint = "Send the rest first: choose the same file again, and it goes on where it was."

    def __init__(self, received: int, bytes: int) -> None:
        super().__init__(
            "{received} of {bytes} bytes have arrived.", received=received, bytes=bytes
        )


class TooManyVideos(DuckError):
    """The visitor has as many videos on their way or being analysed as the settings allow."""

    status = 429
    slug = "too-many-videos"
    title = "Too many videos at once"
    hint = "Wait until one of them is analysed, or delete one."
    retry_after = 60

    def __init__(self, most: int) -> None:
        super().__init__(
            "Videos of yours on their way or being analysed: {most}, as many as this site allows.",
            most=most,
        )


class StorageFull(Unavailable):
    """The machine's disk has no room for videos and archives; pictures are still taken."""

    slug = "storage-full"
    title = "This site has no room for large files at the moment"
    hint = "Please try again later. Pictures are still checked."


class AddressRefused(DuckError):
    """An operator's s3:// address cannot be taken; the reason says why."""

    status = 422
    slug = "address-refused"
    title = "This address cannot be read"
    hint = "Correct it, or send the file itself."
