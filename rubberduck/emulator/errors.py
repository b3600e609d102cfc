"""The errors of the service, as its clients read them: a code, a sentence and an HTTP status."""


class ServiceError(Exception):
    """An error as the service answers it: `__type` and `message`.

    Clients repeat a request whose status is 5xx, or whose code says that it was throttled.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def access_denied(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message)


def invalid_parameter(message: str = "Request has invalid parameters") -> ServiceError:
    return ServiceError("InvalidParameterException", message)


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


def in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUseException", message)


def not_ready(message: str) -> ServiceError:
    return ServiceError("ResourceNotReadyException", message)


def throttled() -> ServiceError:
    return ServiceError("ThrottlingException", "Rate exceeded")


def internal() -> ServiceError:
    return ServiceError("InternalServerError", "An internal server error occurred", 500)


def unreadable(message: str) -> ServiceError:
    """The body is not the JSON that the operation takes."""
    return ServiceError("SerializationException", message)


class HangUp(Exception):
    """The connection is to end without an answer."""
