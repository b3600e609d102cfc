"""Errors of operators' accounts."""

from rubberduck.core.errors import DuckError


class NoSuchOperator(DuckError):
    status = 404
    slug = "no-such-operator"
    title = "Unknown operator"
    hint = "Check the name in the list of operators."


class OwnAccess(DuckError):
    status = 409
    slug = "own-access"
    title = "Your own access stays"
    hint = "Another operator can remove it. To leave, end your sessions and revoke your keys."

    def __init__(self) -> None:
        super().__init__(
            "Nobody removes their own access: the site might be left without operators."
        )


class OperatorExists(DuckError):
    status = 409
    slug = "operator-exists"
    title = "This name is taken"
    hint = "Choose another name."


class OperatorRemoved(DuckError):
    status = 403
    slug = "operator-removed"
    title = "Not allowed"
    hint = "Ask an operator of this site to let you in again, on the page “People”."

    def __init__(self, name: str) -> None:
        super().__init__("{name} was removed from the people who may sign in.", name=name)


class LinkRefused(DuckError):
    status = 400
    slug = "sign-in-link-refused"
    title = "This link does not sign you in"
    hint = "Get a new one: `flask operator link` prints it."


class SignInRefused(DuckError):
    status = 400
    slug = "sign-in-refused"
    title = "You are not signed in"
    hint = "Start again from the sign-in page."


class NoRole(DuckError):
    """The provider knows the person, and no group makes him an operator or a labeller."""

    status = 403
    slug = "no-role"
    title = "Not allowed"
    hint = "Ask an operator of this site to put you into a group that may sign in."

    def __init__(self, name: str, subject: str) -> None:
        super().__init__("{name} is neither an operator nor a labeller of this site.", name=name)
        self.subject = subject


class ProviderFailed(DuckError):
    status = 502
    slug = "sign-in-service-failed"
    title = "The sign-in service has a problem"
    hint = "Please try again in a minute. Pictures can be checked without signing in."
    retry_after = 60
