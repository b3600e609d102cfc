"""The errors of the protocol tus: wrong headers, and bytes that were changed on their way."""

from rubberduck.core.errors import DuckError


class WrongTusVersion(DuckError):
    status = 412
    slug = "tus-version"
    title = "Another version of tus is needed"
    hint = "Send the header “Tus-Resumable: 1.0.0”."

    def __init__(self) -> None:
        super().__init__("Uploads in parts speak tus 1.0.0.")


class WrongPartType(DuckError):
    status = 415
    slug = "wrong-part-type"
    title = "This is no part of an upload"
    hint = "Send it as application/offset+octet-stream."

    def __init__(self) -> None:
        super().__init__("The Content-Type is another one.")


class ChecksumMismatch(DuckError):
    """The status is that of tus."""

    status = 460
    slug = "checksum-mismatch"
    title = "The bytes were changed on their way"
    hint = "Send this part again. Nothing of it was stored."

    def __init__(self) -> None:
        super().__init__("They do not have the checksum of the header Upload-Checksum.")
