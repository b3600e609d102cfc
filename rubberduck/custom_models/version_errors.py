"""The errors of training and of model versions, with texts for operators."""

from rubberduck.core.errors import DuckError


class NoSuchVersion(DuckError):
    status = 404
    slug = "no-such-version"
    title = "Page not found"
    hint = "Check the link, or look at the list of the project's versions."

    def __init__(self) -> None:
        super().__init__("There is no version of a model at this address, or it is gone.")


class VersionBusy(DuckError):
    """The version is in a state that does not allow this."""

    status = 409
    slug = "version-busy"
    title = "The version is in another state"
    hint = "Reload its page to see what it does at the moment."


class CannotTrain(DuckError):
    """The project's pictures do not suffice for a training; nothing was started."""

    status = 422
    slug = "cannot-train"
    title = "This project cannot be trained yet"
    hint = "Change it and start the training again. Nothing was lost."


class TrainingWaits(DuckError):
    status = 409
    slug = "training-waits"
    title = "A training of this project is under way"
    hint = "Wait until it has ended, or cancel it on its page."

    def __init__(self) -> None:
        super().__init__("One training of a project runs at a time, and one waits or runs.")


class InvalidModelFile(DuckError):
    """The file is no version of an embedded model."""

    slug = "invalid-model-file"
    status = 500
    title = "This model cannot be loaded"
    hint = "Train the project again."


class TrunkMismatch(DuckError):
    """A version was trained on another trunk: its numbers mean nothing here."""

    slug = "trunk-mismatch"
    status = 409
    title = "This model belongs to another release"
    hint = "Train the project again: its pictures and labels are kept."
