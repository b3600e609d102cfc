"""Where pictures are kept: what any place must do, and a folder of this machine."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

JPEG = "image/jpeg"
UNAVAILABLE_MESSAGE = "The place where we keep pictures does not answer."


class Storage(Protocol):
    """JPEGs by key. A missing key is a FileNotFoundError, any other fault StorageFailed."""

    where: str

    def put(self, key: str, jpeg: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def delete(self, key: str) -> None: ...
    def url(self, key: str, save_as: str | None = None) -> str | None:
        """A short-lived link of the storage's own; None where only we can serve the picture.

        With `save_as`, a browser saves the picture under that name instead of showing it.
        """

    @property
    def origin(self) -> str | None:
        """Scheme and host of those links."""

    def keys_older_than(self, moment: datetime) -> Iterator[str]:
        """The keys of what has lain there since, also of what never got its own name."""

    def raise_if_circuit_open(self) -> None:
        """StorageFailed when it is known not to answer just now. Asks nobody."""

    def check(self) -> None:
        """StorageFailed, with the cause and its cure for the operator, unless it is ready."""
