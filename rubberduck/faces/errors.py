"""The errors of the game "Faces", with texts for visitors."""

from rubberduck.core.errors import DuckError


class ConsentMissing(DuckError):
    """Nobody agreed that the faces of this picture are looked at."""

    status = 400
    slug = "consent-missing"
    title = "We need your consent first"
    hint = (
        "Go back, tick the box that says so (programs send consent=yes), and send the picture "
        "again."
    )

    def __init__(self) -> None:
        super().__init__(
            "Faces are only analysed if you agree. Your picture was not looked at, and nothing of "
            "it was kept."
        )
