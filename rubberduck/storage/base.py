"""The Storage protocol: what the folder and the S3 bucket have in common."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

JPEG = "image/jpeg"
UNAVAILABLE_MESSAGE = "Picture storage is unavailable."


class Storage(Protocol):
    """JPEGs by key. A missing key raises FileNotFoundError, any other error StorageFailed."""

    where: str

    def put(self, key: str, jpeg: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def delete(self, key: str) -> None: ...
    def url(self, key: str, save_as: str | None = None) -> str | None:
        """Return a short-lived link to the storage itself; None if only the site can serve it.

        With `save_as`, a browser saves the picture under that name instead of showing it.
        """

    @property
    def origin(self) -> str | None:
        """Scheme and host of those links; None if there are none."""

    def keys_older_than(self, moment: datetime) -> Iterator[str]:
        """Yield the keys not modified since `moment`, also those of incomplete files."""

    def raise_if_circuit_open(self) -> None:
        """Raise StorageCircuitOpen while the circuit breaker is open. Makes no request."""

    def check(self) -> None:
        """Raise StorageFailed, with cause and remedy for the operator, unless it is ready."""
