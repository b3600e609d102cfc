"""Errors of what is offered to visitors."""

from rubberduck.core.errors import InvalidParameter


class NoSuchModelOffered(InvalidParameter):
    slug = "no-such-model-offered"
    title = "Unknown model"
    hint = "Choose a running one, or leave out “model”."
