"""Faults to order, and throttling by a quota: what a client's own fallbacks are tried with.

An order names the next calls that are to fail, and how: `throttle*3`, `DetectLabels:fail`,
`error=ExpiredTokenException`, `slow=2.5`, `hang-up*2`, several with commas. It comes with the
header X-Duck-Faults, also of the call that it hits first, or from DUCK_EMULATOR_FAULTS when the
server starts. All processes of the server share what is ordered.
"""

import re
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from rubberduck.db.emulator_records import EmulatorRecords
from rubberduck.emulator.errors import HangUp, ServiceError, throttled
from rubberduck.emulator.service_model import version_states

FAULTS, ORDERED, RATE = "faults", "ordered", "rate"  # kinds and names of records
FAULT_RE = re.compile(
    r"(?:(?P<operation>[A-Za-z]+):)?(?P<kind>[a-z-]+)(?:=(?P<value>[\w.]{1,100}))?"
    r"(?:\*(?P<times>\d{1,6}))?"
)
KINDS = (
    "throttle", "quota", "fail", "unavailable", "error", "hang-up", "lose-answer", "slow", "state"
)  # fmt: skip
STATUSES = {"InternalServerError": 500, "ServiceUnavailableException": 503}  # of codes, else 400
MAX_SECONDS = 300.0
REMEMBERED = 100  # invocations: an SDK that repeats a request sends its order again


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` calls of an operation, or of any.

    `value` is the seconds of `slow`, the code of `error`, the status of `state`.
    """

    kind: str
    operation: str | None = None
    times: int = 1
    value: str | None = None


def parse_faults(text: str) -> list[Fault]:
    """Raises ValueError.

    >>> parse_faults("DetectLabels:throttle*3, slow=2.5")
    [Fault(kind='throttle', operation='DetectLabels', times=3, value=None), \
Fault(kind='slow', operation=None, times=1, value='2.5')]
    """
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(text: str) -> Fault:
    found = FAULT_RE.fullmatch(text)
    if found is None or found["kind"] not in KINDS:
        raise ValueError(f"{text!r} is no fault; they are {', '.join(KINDS)}")
    kind, value, operation = found["kind"], found["value"], found["operation"]
    match kind:
        case "slow":
            is_right = bool(re.fullmatch(r"\d+(\.\d+)?", value or ""))
        case "error":
            is_right = bool(re.fullmatch(r"[A-Za-z0-9]+", value or ""))
        case "state":
            is_right = value in version_states()
            operation = operation or "DescribeProjectVersions"
        case _:
            is_right = value is None
    if not is_right:
        examples = "slow=2.5, error=ExpiredTokenException, state=STOPPED, and fail without a value"
        raise ValueError(f"{text!r} is no fault; they look like {examples}")
    return Fault(kind, operation, int(found["times"] or 1), value)


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

    def strike(self, operation: str) -> Fault | None:
        """Let the operation suffer the fault that is ordered for it, if any.

        Return it for what is left to do with the answer. Raises ServiceError, HangUp.
        """
        record = self.records.get(FAULTS, ORDERED) or {}
        if not self._of_this_server(record)["faults"]:
            return None
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
        if not hit:
            return None
        _raise(hit[0])
        return hit[0]

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
            raise _ordered("InternalServerError")
        case "unavailable":
            raise _ordered("ServiceUnavailableException")
        case "error":
            raise _ordered(fault.value or "")
        case "hang-up":
            raise HangUp
        case "slow":
            time.sleep(min(float(fault.value or 0), MAX_SECONDS))


def _ordered(code: str) -> ServiceError:
    return ServiceError(code, "Ordered with X-Duck-Faults", STATUSES.get(code, 400))


def change_answer(fault: Fault, answer: dict[str, Any]) -> None:
    """Do to an answer what is ordered: lose it, or say another state. Raises HangUp."""
    if fault.kind == "lose-answer":
        raise HangUp
    if fault.kind == "state":
        for version in answer.get("ProjectVersionDescriptions", ()):
            version["Status"] = fault.value
            version["StatusMessage"] = "Ordered with X-Duck-Faults"


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
