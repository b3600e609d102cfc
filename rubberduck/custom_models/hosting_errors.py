"""The errors of starting and stopping models."""

from rubberduck.core.errors import DuckError


class NoSuchModel(DuckError):
    status = 404
    slug = "no-such-model"
    title = "Page not found"
    hint = "Check the link, or look at the list of the project's models."

    def __init__(self) -> None:
        super().__init__("There is no model at this address, or it was deleted.")


class CannotStart(DuckError):
    """The model is in a state that does not allow a start."""

    status = 409
    slug = "model-cannot-start"
    title = "This model cannot be started"
    hint = "Look at its page to see what it is doing. Nothing was started."


class AlreadyRunning(CannotStart):
    slug = "model-runs-already"
    title = "This model runs already"
    hint = "Stop it first to change its units. It was not started a second time."


class EmbeddedRunsAlready(AlreadyRunning):
    hint = "There is nothing to start: it answers, and costs nothing."


class TooManyRunning(CannotStart):
    slug = "too-many-models"
    title = "Two models run at Amazon already"
    hint = "Stop one of them, then start this one. Nothing was started."


class NotRunning(DuckError):
    status = 409
    slug = "model-is-stopped"
    title = "This model is stopped already"
    hint = "There is nothing to stop, and it costs nothing."


class InvalidUnits(DuckError):
    status = 400
    slug = "invalid-units"
    title = "This number of units is not possible"
    hint = "Choose 1 to 5 units. Nothing was started."


class NoScheduledStop(DuckError):
    """No stop could be scheduled at Amazon: the operator has to say that this is known."""

    status = 409
    slug = "nothing-would-stop-it"
    title = "If this machine goes off, the model bills on"
    hint = "Confirm that you know this, or set DUCK_SCHEDULER_ROLE. Nothing was started."


class CannotStartItself(DuckError):
    """A visitor would start what nothing stops: only an operator can say that this is known."""

    status = 409
    slug = "cannot-start-itself"
    title = "This model cannot start when a visitor asks"
    hint = "Set DUCK_SCHEDULER_ROLE first, or start it by hand. Nothing was changed."

    def __init__(self) -> None:
        super().__init__(
            "No stop can be scheduled at Amazon: if this machine goes off, the model bills on."
        )


class ModelStopped(DuckError):
    """A visitor asked a model that does not run."""

    status = 503
    slug = "model-stopped"
    title = "This model is stopped"
    already_logged = True  # its stop was, and it is no fault of the site
    hint = "Choose another model, or ask whoever runs this site to start it."


class ModelStarting(ModelStopped):
    slug = "model-starting"
    title = "This model is starting"
    hint = "Send your picture again when it runs. Nothing was stored."
    retry_after = 60
