"""The 14 states of a Custom Labels model version: what each allows, in one table.

Embedded models use the same names. States that the service may add later are UNKNOWN, which allows
nothing but a stop: an unknown state may bill.
"""

from dataclasses import dataclass
from typing import Literal

# "by hand": undocumented for FAILED, so an operator may try once and no schedule ever does.
Start = Literal["yes", "by hand", "wait", "no"]


@dataclass(frozen=True)
class VersionState:
    """`name` is the service's.

    `is_trained`: its training succeeded, so there is an evaluation. `changes`: it goes on to
    another state by itself. `may_bill`: it costs by the hour, or is about to.
    """

    name: str
    start: Start = "no"
    may_stop: bool = False
    may_delete: bool = False
    is_trained: bool = False
    changes: bool = False
    may_bill: bool = False

    @property
    def may_start(self) -> bool:
        """Whether a program may start it without asking."""
        return self.start == "yes"

    @property
    def is_running(self) -> bool:
        return self.name == RUNNING


TRAINING_IN_PROGRESS, TRAINING_COMPLETED = "TRAINING_IN_PROGRESS", "TRAINING_COMPLETED"
TRAINING_FAILED = "TRAINING_FAILED"
STARTING, RUNNING, FAILED = "STARTING", "RUNNING", "FAILED"
STOPPING, STOPPED, DELETING = "STOPPING", "STOPPED", "DELETING"
COPYING_IN_PROGRESS, COPYING_COMPLETED = "COPYING_IN_PROGRESS", "COPYING_COMPLETED"
COPYING_FAILED = "COPYING_FAILED"
DEPRECATED, EXPIRED = "DEPRECATED", "EXPIRED"

_TABLE = (
    VersionState(TRAINING_IN_PROGRESS, changes=True),
    VersionState(TRAINING_COMPLETED, start="yes", may_delete=True, is_trained=True),
    VersionState(TRAINING_FAILED, may_delete=True),
    # A stop is refused until it runs, and has to be repeated then.
    VersionState(
        STARTING, start="wait", may_stop=True, is_trained=True, changes=True, may_bill=True
    ),
    VersionState(RUNNING, start="wait", may_stop=True, is_trained=True, may_bill=True),
    VersionState(FAILED, start="by hand", may_delete=True, is_trained=True),
    VersionState(STOPPING, start="wait", is_trained=True, changes=True, may_bill=True),
    VersionState(STOPPED, start="yes", may_delete=True, is_trained=True),
    VersionState(DELETING, changes=True),
    VersionState(COPYING_IN_PROGRESS, start="wait", changes=True),
    VersionState(COPYING_COMPLETED, start="yes", may_delete=True, is_trained=True),
    VersionState(COPYING_FAILED, may_delete=True),
    # The service's own ends of life: such a version answers nothing any more.
    VersionState(DEPRECATED, may_delete=True, is_trained=True),
    VersionState(EXPIRED, may_delete=True, is_trained=True),
)
STATES = {state.name: state for state in _TABLE}


def state_of(name: str) -> VersionState:
    """Return the state with this name.

    >>> state_of("STOPPED").may_start, state_of("a new one").may_start
    (True, False)
    """
    return STATES.get(name) or VersionState(name, may_stop=True, may_bill=True)
