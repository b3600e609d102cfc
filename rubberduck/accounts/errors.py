"""Errors of operators' accounts."""

from rubberduck.core.errors import DuckError


class NoSuchOperator(DuckError):
    status = 404
    slug = "no-such-operator"
    title = "Unknown operator"
    hint = "Check the name in the list of operators."


class OperatorExists(DuckError):
    status = 409
    slug = "operator-exists"
    title = "This name is taken"
    hint = "Choose another name."


class LinkRefused(DuckError):
    status = 400
    slug = "sign-in-link-refused"
    title = "This link does not sign you in"
    hint = "Get a new one: `flask operator link` prints it."
