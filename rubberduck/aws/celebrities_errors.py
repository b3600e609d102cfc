"""Errors of asking for celebrities, in words for visitors."""

from rubberduck.core.errors import DuckError


class CelebritiesOff(DuckError):
    status = 409
    slug = "celebrities-off"
    title = "This site recognises no celebrities"
    hint = "Ask its operator to set DUCK_CELEBRITIES=1 and DUCK_BUCKET."

    def __init__(self) -> None:
        super().__init__("Only Amazon Rekognition can do that, and this site does not ask it.")


class CelebritiesNotAgreed(DuckError):
    status = 400
    slug = "celebrities-not-agreed"
    title = "Please agree first"
    hint = "Tick the box above the button, and send the picture again. Programs add agree=true."

    def __init__(self) -> None:
        super().__init__("Without your consent the picture is not sent to Amazon. It was not kept.")
