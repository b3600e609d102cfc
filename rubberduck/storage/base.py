"""The Storage protocol: what the folder and the S3 bucket have in common."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rubberduck.core.errors import StorageFailed

JPEG = "image/jpeg"
UNAVAILABLE_MESSAGE = "Picture storage is unavailable."
# What the sweep and the bucket's lifecycle may delete: pictures, and what a killed process left of
# a check or an unfinished write. Anything else in the bucket is kept.
SWEPT_PREFIXES = ("uploads/", "marked/", "check-", "tmp")


class Storage(Protocol):
    """Objects by key. A missing key raises FileNotFoundError, any other error StorageFailed."""

    where: str  # shown to visitors, such as "a folder on this server"

    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        """Store the object, completely or not at all."""

    def get(self, key: str) -> bytes:
        """Return the picture."""

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file's content, completely or not at all, without reading it at once."""

    def fetch(self, key: str, path: Path) -> None:
        """Write the object into a file, without reading it at once."""

    def local_path(self, key: str) -> Path | None:
        """Return the object's file; None if it is not one on this machine."""

    def delete(self, key: str) -> None:
        """Delete the picture and, in a versioned bucket, all its versions, if it exists."""

    def delete_all(self, keys: Iterable[str]) -> dict[str, StorageFailed]:
        """Delete the keys. Return the error of each key that could not be deleted."""

    def url(
        self, key: str, save_as: str | None = None, *, seconds: int | None = None
    ) -> str | None:
        """Return a short-lived link to the storage itself; None if only the site can serve it.

        With `save_as`, a browser saves the object under that name instead of showing it. The link
        lives `seconds`; default: what the settings say for pictures.
        """

    @property
    def origin(self) -> str | None:
        """Return the scheme and host of those links; None if there are none."""

    def keys_older_than(
        self, moment: datetime, prefixes: Iterable[str] = SWEPT_PREFIXES
    ) -> Iterator[str]:
        """Yield the keys below `prefixes` not modified since `moment`."""

    def raise_if_circuit_open(self) -> None:
        """Raise StorageCircuitOpen while the circuit breaker is open. Makes no request."""

    def check(self) -> None:
        """Raise StorageFailed, with cause and remedy for the operator, unless the storage works."""
