"""The Storage protocol: what the folder and the S3 bucket have in common."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from rubberduck.core.errors import StorageFailed

JPEG = "image/jpeg"
UNAVAILABLE_MESSAGE = "Picture storage is unavailable."
# What the sweep and the bucket's lifecycle may delete: pictures, and what a killed process left of
# a check or an unfinished write. Anything else in the bucket is kept.
SWEPT_PREFIXES = ("uploads/", "marked/", "check-", "tmp")


@dataclass(frozen=True)
class MultipartUpload:
    """An object that comes in parts: its key, and the storage's name of the upload."""

    key: str
    id: str


@dataclass(frozen=True)
class Part:
    """A stored part: its number, from 1, the storage's tag of its content, and its size."""

    number: int
    tag: str
    bytes: int


class Storage(Protocol):
    """Objects by key. A missing key raises FileNotFoundError, any other error StorageFailed."""

    where: str  # shown to visitors, such as "a folder on this server"

    def put(self, key: str, data: bytes, content_type: str = JPEG) -> None:
        """Store the object, completely or not at all."""

    def get(self, key: str) -> bytes:
        """Return the picture."""

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file's content, completely or not at all, without reading it at once."""

    @property
    def min_part_bytes(self) -> int:
        """Return the least size of each part but the last."""

    def begin_multipart(self, key: str, content_type: str) -> MultipartUpload:
        """Begin an object that comes in parts."""

    def put_part(self, upload: MultipartUpload, number: int, offset: int, file: IO[bytes]) -> Part:
        """Store all of the file as the part that begins at `offset` of the object.

        Only parts given to `finish_multipart` count, so one may come again under a later number.
        Raises FileNotFoundError if the upload is finished or aborted.
        """

    def finish_multipart(self, upload: MultipartUpload, parts: Sequence[Part]) -> None:
        """Make the object of these parts, in the order of their numbers; again, it changes nothing.

        Raises FileNotFoundError if the upload was aborted.
        """

    def abort_multipart(self, upload: MultipartUpload) -> None:
        """Delete the parts of an object that was not finished, if there are any."""

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
