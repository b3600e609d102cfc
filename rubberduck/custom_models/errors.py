"""The errors of projects, with texts for operators: what happened, why, and what to do next."""

from rubberduck.core.errors import DuckError, PictureTooLarge


class NoSuchProject(DuckError):
    status = 404
    slug = "no-such-project"
    title = "Page not found"
    hint = "Check the link, or look at the list of projects."

    def __init__(self) -> None:
        super().__init__("There is no project, picture or label at this address, or it is gone.")


class InvalidProject(DuckError):
    """A name, question, label or number of a project cannot be used."""

    status = 400
    slug = "invalid-project"
    title = "This cannot be saved"
    hint = "Correct it and send it again. Nothing was changed."


class NameTaken(DuckError):
    status = 409
    slug = "name-taken"
    title = "This name is taken"
    hint = "Choose another name. Nothing was changed."


class LabelInUse(DuckError):
    """A label is to be deleted that pictures have."""

    status = 409
    slug = "label-in-use"
    title = "This label is in use"
    hint = "Confirm that its boxes are deleted, or choose the label that takes its place."


class PicturesWouldGo(DuckError):
    """A shorter retention would delete pictures."""

    status = 409
    slug = "pictures-would-go"
    title = "Pictures would be deleted"
    hint = "Confirm that, or keep pictures for longer. Nothing was changed."


class UnsuitablePicture(DuckError):
    """A picture is outside the limits of Amazon Rekognition Custom Labels."""

    status = 422
    slug = "unsuitable-picture"
    title = "This picture cannot be trained with"
    hint = "Change it and add it again. Nothing was stored."


class OriginalTooLarge(PictureTooLarge):
    """A picture for a project has too many bytes to be decoded."""

    hint = "Save it as a JPEG of lower quality and add it again. Nothing was stored."


class ImportTooLarge(PictureTooLarge):
    hint = "Send it in several parts. Nothing was stored."


class ProjectFull(DuckError):
    """A quota of the project would be exceeded; nothing was stored."""

    status = 413
    slug = "project-full"
    title = "The project is full"
    hint = "Delete pictures that you do not need, or ask who runs this site for more room."


class InvalidArchive(DuckError):
    """A ZIP or a data set cannot be imported."""

    status = 422
    slug = "invalid-archive"
    title = "This file cannot be imported"
    hint = "Correct it and send it again."


class PictureChanged(DuckError):
    """Somebody else saved the picture's labels in the meantime."""

    status = 409
    slug = "picture-changed"
    title = "The picture was changed in the meantime"
    hint = "Reload it and look at the new labels."


class InvalidAnnotation(DuckError):
    """A box or label of a picture breaks a rule."""

    status = 422
    slug = "invalid-labels"
    title = "These labels cannot be saved"
    hint = "Correct them and save again. Nothing is lost."
