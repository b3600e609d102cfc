"""Where pictures arrive and where answers go: `s3://BUCKET/PREFIX`, and the keys of answers."""

import hashlib
import re
from dataclasses import dataclass

from rubberduck.events.s3_events import CreatedObject

ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.S)
MAX_KEY = 1024  # bytes of UTF-8, S3's limit
MARKED, ANSWER, CLAIMS, LONG = ".marked.jpg", ".json", ".claims/", ".long/"


class InvalidPlace(ValueError):
    """The text is not an address in S3, or the places lie inside of each other."""


@dataclass(frozen=True)
class Place:
    """A bucket and a prefix of keys."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, address: str) -> "Place":
        """
        >>> Place.parse("s3://duck-pictures/in/")
        Place(bucket='duck-pictures', prefix='in/')
        """
        if (match := ADDRESS.fullmatch(address)) is None:
            raise InvalidPlace("it is not an address such as s3://my-bucket/in/")
        return cls(match["bucket"], match["prefix"] or "")

    def contains(self, bucket: str, key: str) -> bool:
        return bucket == self.bucket and key.startswith(self.prefix)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class Places:
    """`input`: what is answered. `output`: where answers go; nothing in it is ever answered.

    Raises InvalidPlace when an answer would arrive as a picture, which would never end.
    """

    input: Place
    output: Place

    def __post_init__(self) -> None:
        inner = self.input.contains(self.output.bucket, self.output.prefix)
        if inner or self.output.contains(self.input.bucket, self.input.prefix):
            raise InvalidPlace(
                f"answers in {self.output} would arrive as pictures of {self.input}: "
                "use another bucket, or two prefixes of which neither begins with the other"
            )

    def takes(self, created: CreatedObject) -> bool:
        """Return whether the object is a picture to answer, and not one of our own."""
        is_own = self.output.contains(created.bucket, created.key)
        return self.input.contains(created.bucket, created.key) and not is_own

    def answer_key(self, key: str) -> str:
        return self._beside(key, ANSWER)

    def marked_key(self, key: str) -> str:
        return self._beside(key, MARKED)

    def claim_key(self, name: str) -> str:
        return f"{self.output.prefix}{CLAIMS}{name}"

    def _beside(self, key: str, suffix: str) -> str:
        """Return the picture's key below the output's prefix; a hash of it where it is too long."""
        beside = f"{self.output.prefix}{key.removeprefix(self.input.prefix)}{suffix}"
        if len(beside.encode()) <= MAX_KEY:
            return beside
        return f"{self.output.prefix}{LONG}{hashlib.sha256(key.encode()).hexdigest()}{suffix}"
