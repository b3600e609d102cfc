"""Faults to order, and throttling by a quota: what a client's own fallbacks are tried with.

An order names the next calls that are to fail, and how: `throttle*3`, `DetectLabels:fail`,
`slow=2.5`, `hang-up*2`, several with commas. It comes with the header X-Duck-Faults, also of the
call that it hits first, or from DUCK_EMULATOR_FAULTS when the server starts. All processes of the
server share what is ordered.
"""

import re
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.emulator.errors import HangUp, ServiceError, throttled

FAULTS, ORDERED, RATE = "faults", "ordered", "rate"  # kinds and names of records
FAULT_RE = re.compile(
    r"(?:(?P<operation>[A-Za-z]+):)?(?P<kind>[a-z-]+)(?:=(?P<seconds>\d+(?:\.\d+)?))?"
    r"(?:\*(?P<times>\d{1,6}))?"
)
KINDS = ("throttle", "quota", "fail", "unavailable", "hang-up", "slow")
MAX_SECONDS = 300.0
REMEMBERED = 100  # invocations: an SDK that repeats a request sends its order again


@dataclass(frozen=True)
class Fault:
    """What befalls the next `times` calls of an operation, or of any."""

    kind: str
    operation: str | None = None
    times: int = 1
    seconds: float = 0.0


def parse_faults(text: str) -> list[Fault]:
    """Raises ValueError.

    >>> parse_faults("DetectLabels:throttle*3, slow=2.5")
    [Fault(kind='throttle', operation='DetectLabels', times=3, seconds=0.0), \
Fault(kind='slow', operation=None, times=1, seconds=2.5)]
    """
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(text: str) -> Fault:
    found = FAULT_RE.fullmatch(text)
    if found is None or found["kind"] not in KINDS:
        raise ValueError(f"{text!r} is no fault; they are {', '.join(KINDS)}")
    seconds = min(float(found["seconds"] or 0), MAX_SECONDS)
    return Fault(found["kind"], found["operation"], int(found["times"] or 1), seconds)


class Faults:
    """The faults that were ordered. `server` is this start of the server: another one forgets."""

    def __init__(self, records: EmulatorRecords, server: str, first: str | None) -> None:
        self.records, self.server = records, server
        self.first = [asdict(fault) for fault in parse_faults(first or "")]

    def order(self, text: str, invocation: str | None) -> None:
        """Add what a request orders; once, however often an SDK repeats the request."""
        try:
            faults = [asdict(fault) for fault in parse_faults(text)]
        except ValueError as error:
            raise ServiceError("InvalidParameterException", f"X-Duck-Faults: {error}.") from None

        def add(record: dict[str, Any]) -> dict[str, Any]:
            record = self._of_this_server(record)
            if invocation and invocation in record["invocations"]:
                return record
            known = [*record["invocations"], invocation][-REMEMBERED:] if invocation else []
            return record | {"faults": [*record["faults"], *faults], "invocations": known}

        self.records.change(FAULTS, ORDERED, add)

    def strike(self, operation: str) -> None:
        """Let the operation suffer the fault that is ordered for it, if any.

        Raises ServiceError, HangUp.
        """
        record = self.records.get(FAULTS, ORDERED) or {}
        if not self._of_this_server(record)["faults"]:
            return
        hit: list[Fault] = []

        def take(record: dict[str, Any]) -> dict[str, Any]:
            hit.clear()
            record = self._of_this_server(record)
            faults = [Fault(**each) for each in record["faults"]]
            for number, fault in enumerate(faults):
                if fault.operation in (None, operation):
                    hit.append(fault)
                    faults[number] = replace(fault, times=fault.times - 1)
                    break
            return record | {"faults": [asdict(fault) for fault in faults if fault.times > 0]}

        self.records.change(FAULTS, ORDERED, take)
        for fault in hit:
            _raise(fault)

    def _of_this_server(self, record: Any) -> dict[str, Any]:
        if record.get("server") == self.server:
            return dict(record)
        return {"server": self.server, "faults": self.first, "invocations": []}


def _raise(fault: Fault) -> None:
    match fault.kind:
        case "throttle":
            raise throttled()
        case "quota":
            raise ServiceError(
                "ProvisionedThroughputExceededException", "Provisioned throughput was exceeded"
            )
        case "fail":
            raise ServiceError("InternalServerError", "Ordered with X-Duck-Faults", 500)
        case "unavailable":
            raise ServiceError("ServiceUnavailableException", "Ordered with X-Duck-Faults", 503)
        case "hang-up":
            raise HangUp
    time.sleep(fault.seconds)


def count_call(records: EmulatorRecords, operation: str, per_second: int) -> None:
    """Raise ServiceError (ThrottlingException) beyond the quota of calls in this second."""
    second, is_over = int(time.time()), False

    def count(record: dict[str, Any]) -> dict[str, Any]:
        nonlocal is_over
        calls = record.get("calls", 0) if record.get("second") == second else 0
        is_over = calls >= per_second
        return {"second": second, "calls": calls + 1}

    records.change(RATE, operation, count)
    if is_over:
        raise throttled()
