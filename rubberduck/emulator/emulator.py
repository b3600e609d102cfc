"""The emulator: finds the operation, checks its input by the service model, encodes its answer."""

from rubberduck.core.errors import DuckError
from rubberduck.emulator.constraints import check
from rubberduck.emulator.errors import ServiceError
from rubberduck.emulator.faults import Fault, change_answer, count_call
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
        fault = self._interfere(name, request)
        shape = input_shape(name)
        given = parse(request.body, shape)
        if shape:
            check(given, shape)
        try:
            answer = operation.answer(self.site, given)
        except DuckError as error:
            raise translated(error) from error
        if fault:
            change_answer(fault, answer)
        return serialise(answer, output_shape(name))

    def _interfere(self, name: str, request: Request) -> Fault | None:
        """Raise the fault that is ordered for this call, or that it is one too many.

        Return one that changes the answer.
        """
        try:
            if request.orders:
                self.site.faults.order(request.orders, request.invocation)
            fault = self.site.faults.strike(name)
            if quota := self.site.settings.emulator_quota:
                count_call(self.site.records, name, quota)
        except DuckError as error:
            raise translated(error) from error
        return fault
