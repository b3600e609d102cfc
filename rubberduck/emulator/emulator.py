"""The emulator: finds the operation, checks its input by the service model, encodes its answer."""

from rubberduck.core.errors import DuckError
from rubberduck.emulator.constraints import check
from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.faults import count_call
from rubberduck.emulator.operations import OPERATIONS, answered_names
from rubberduck.emulator.request import Request
from rubberduck.emulator.service_model import TARGET_PREFIX, input_shape, output_shape
from rubberduck.emulator.site import Site
from rubberduck.emulator.translation import translated
from rubberduck.emulator.wire import parse, serialise


class Emulator:
    def __init__(self, site: Site) -> None:
        self.site = site

    def answer(self, request: Request) -> bytes:
        """Return the JSON of the answer. Raises ServiceError, HangUp."""
        name = request.target.removeprefix(TARGET_PREFIX)
        operation = OPERATIONS.get(name)
        if not request.target.startswith(TARGET_PREFIX) or operation is None:
            raise ServiceError(
                "UnknownOperationException",
                f"This emulator has no {name[:100]!r}. It answers {', '.join(answered_names())}.",
            )
        self._interfere(name, request)
        shape = input_shape(name)
        given = parse(request.body, shape)
        if shape:
            check(given, shape)
        try:
            return serialise(operation.answer(self.site, given), output_shape(name))
        except DuckError as error:
            raise translated(error) from error

    def _interfere(self, name: str, request: Request) -> None:
        """Raise the fault that is ordered for this call, or that it is one too many."""
        try:
            if request.orders:
                self.site.faults.order(request.orders, request.invocation)
            self.site.faults.strike(name)
            if quota := self.site.settings.emulator_quota:
                count_call(self.site.records, name, quota)
        except DuckError as error:
            raise translated(error) from error
