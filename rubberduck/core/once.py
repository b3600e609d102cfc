"""Made when it is first needed, and then kept."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def once(make: Callable[[], T]) -> Callable[[], T]:
    """What `make` makes at the first call, for all threads; tried again if it fails.

    >>> get = once(list)
    >>> get() is get()
    True
    """
    lock, made = threading.Lock(), list[T]()

    def get() -> T:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get
