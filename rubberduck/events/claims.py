"""Claims: of all workers and functions, one answers an object, however often its events come.

S3 delivers at least once and in any order. A claim is one small record for each key, changed by
compare-and-swap: in the database, or in the bucket itself by conditional writes, so that a function
at AWS Lambda needs no database. It runs out, so that another goes on after a crash.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from rubberduck.events.s3_events import CreatedObject

LEASE_SECONDS = 60.0  # more than a picture takes, less than the queue hides its message
ATTEMPTS = 5  # of a swap that others win
CHECK = "check"  # the name of a record that belongs to no object
DUPLICATE, SUPERSEDED = "duplicate", "superseded"


class Busy(Exception):
    """Somebody else answers this key at the moment; `seconds` until the claim runs out."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"claimed for another {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class State:
    """What is stored of a claim. `until` is a Unix time; 0: the version is answered."""

    version: str
    sequencer: str | None
    until: float

    @property
    def is_done(self) -> bool:
        return self.until == 0


@dataclass(frozen=True)
class Claim:
    """The right to answer an object."""

    name: str
    state: State
    tag: str


class ClaimStore(Protocol):
    """Records by name, changed by compare-and-swap."""

    def load(self, name: str) -> tuple[Mapping[str, Any], str] | None:
        """Return the record and its tag; None if there is none."""

    def swap(self, name: str, record: Mapping[str, Any], tag: str | None) -> str | None:
        """Write the record if it still has the tag (None: if there is none); return the new tag.

        None if it was changed meanwhile.
        """


class Claims:
    def __init__(self, store: ClaimStore, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.clock = clock

    def take(self, created: CreatedObject) -> Claim | str:
        """Return the claim, or DUPLICATE or SUPERSEDED if there is nothing to do. Raises Busy."""
        name = hashlib.sha256(f"{created.bucket}\0{created.key}".encode()).hexdigest()
        # Most objects are new: these are claimed by one request, without a look before.
        if claim := self._swap(name, created, None):
            return claim
        for _ in range(ATTEMPTS):
            known, tag = self._load(name)
            if known is not None:
                if created.is_older_than(known.sequencer):
                    return SUPERSEDED
                if known.is_done and known.version == created.version:
                    return DUPLICATE
                if (left := known.until - self.clock()) > 0:
                    raise Busy(left)
            if claim := self._swap(name, created, tag):
                return claim
        raise Busy(1.0)

    def finish(self, claim: Claim) -> bool:
        """Save that the object is answered; return whether the claim was still held."""
        return self._end(claim, 0.0)

    def release(self, claim: Claim) -> bool:
        """Let others try at once: this attempt failed."""
        return self._end(claim, self.clock())

    def check(self) -> None:
        """Write a record of no object. Raises DuckError."""
        _, tag = self._load(CHECK)
        self.store.swap(CHECK, asdict(State("check", None, self.clock())), tag)

    def _swap(self, name: str, created: CreatedObject, tag: str | None) -> Claim | None:
        state = State(created.version, created.sequencer, self.clock() + LEASE_SECONDS)
        new_tag = self.store.swap(name, asdict(state), tag)
        return Claim(name, state, new_tag) if new_tag else None

    def _end(self, claim: Claim, until: float) -> bool:
        state = replace(claim.state, until=until)
        return self.store.swap(claim.name, asdict(state), claim.tag) is not None

    def _load(self, name: str) -> tuple[State | None, str | None]:
        if (loaded := self.store.load(name)) is None:
            return None, None
        record, tag = loaded
        return State(**record), tag


class BucketClaims:
    """Claims as objects of a bucket, by S3's conditional writes."""

    def __init__(self, bucket: "ConditionalObjects", key_of: Callable[[str], str]) -> None:
        self.bucket = bucket
        self.key_of = key_of

    def load(self, name: str) -> tuple[Mapping[str, Any], str] | None:
        try:
            data, tag = self.bucket.get_tagged(self.key_of(name))
        except FileNotFoundError:
            return None
        return json.loads(data), tag

    def swap(self, name: str, record: Mapping[str, Any], tag: str | None) -> str | None:
        return self.bucket.put_if(self.key_of(name), json.dumps(record).encode(), tag)


class ConditionalObjects(Protocol):
    def get_tagged(self, key: str) -> tuple[bytes, str]:
        """Return an object and its ETag. Raises FileNotFoundError, StorageFailed."""

    def put_if(self, key: str, data: bytes, tag: str | None) -> str | None:
        """Write an object if it has the ETag (None: if there is none); return the new ETag."""
