"""The priority of workers and their children: visitors come first.

psutil knows the niceness of a process, but not that of its group.
"""

import os
from pathlib import Path

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")


def yield_to_site() -> None:
    """Lower the priority of this process, and of the children that it will start."""
    os.nice(NICENESS)
    apply_to_session()


def apply_to_session() -> None:
    """Give the session of this process its niceness, if it is the first process of one.

    Where the kernel groups processes by session (sched_autogroup_enabled, on by default on most
    desktops), niceness counts only within a session, and all sessions have the same share of the
    processors: "The autogroup feature" in sched(7). The site, its worker and each of its children
    have sessions of their own, so a training would have as much as all visitors together.
    """
    if os.getsid(0) != os.getpid():  # it would slow down others, such as those of a terminal
        return
    try:
        AUTOGROUP.write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError:  # not Linux, a kernel without it, or a read-only /proc
        return
