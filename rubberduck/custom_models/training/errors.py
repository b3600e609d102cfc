"""What stops a training."""

from rubberduck.core.errors import DuckError


class NothingToTrain(DuckError):
    """The pictures do not suffice for a model."""

    slug = "nothing-to-train"
    status = 409
    title = "There is too little to train with"
    hint = "Label more pictures, then train again."
