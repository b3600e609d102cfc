"""Errors of requests that take an operator."""

from rubberduck.core.errors import DuckError


class NotSignedIn(DuckError):
    """A page redirects to the sign-in page instead, if the browser only asked for it."""

    status = 401
    slug = "not-signed-in"
    title = "Please sign in"
    hint = "Sign in and try again. Programs need an API key of the scope labeller or operator."

    def __init__(self) -> None:
        super().__init__("Only people who have signed in may do this.")


class NotAllowed(DuckError):
    status = 403
    slug = "not-allowed"
    title = "Not allowed"
    hint = "Ask an operator of this site to do it, or to change your role."

    def __init__(self) -> None:
        super().__init__("Only an operator may do this; your role is to label pictures.")
