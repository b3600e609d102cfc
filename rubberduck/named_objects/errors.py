"""The errors of named objects, with texts for operators: what happened, why, what to do next."""

from rubberduck.core.errors import DuckError


class NoSuchObject(DuckError):
    status = 404
    slug = "no-such-object"
    title = "Page not found"
    hint = "Check the link, or look at the list of named objects."

    def __init__(self) -> None:
        super().__init__("There is no named object or photo at this address, or it is gone.")


class InvalidObject(DuckError):
    """A name cannot be used."""

    status = 400
    slug = "invalid-object"
    title = "This cannot be saved"
    hint = "Correct it and send it again. Nothing was changed."


class ObjectNameTaken(DuckError):
    status = 409
    slug = "object-name-taken"
    title = "This name is taken"
    hint = "Choose another name, or add the photos to the object that has it."


class TooManyObjects(DuckError):
    """There is no room for another object, or for another photo of one."""

    status = 409
    slug = "too-many-objects"
    title = "There is no room for more"
    hint = "Delete what is not needed any more."


class PhotoNotTaken(DuckError):
    """A photo would not help to recognise the object; nothing of it was stored."""

    status = 422
    slug = "photo-not-taken"
    title = "This photo was not taken"
    hint = "Take another photo, from another side and in other light."


class NoObjectInPhoto(PhotoNotTaken):
    slug = "no-object-in-photo"
    hint = "Take it nearer, or let the whole photo count."


class ObjectTooSmall(PhotoNotTaken):
    slug = "object-too-small"
    hint = "Take it nearer."


class DuplicatePhoto(PhotoNotTaken):
    slug = "duplicate-photo"


class NoObjectsYet(DuckError):
    """Somebody asked which object it is, and none has a name."""

    status = 409
    slug = "no-objects-yet"
    title = "No object has a name yet"
    hint = "Whoever runs this site can name some: see /which/objects."
