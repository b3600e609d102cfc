"""Idempotency keys: under which hashes a repeated request is known."""

import hashlib

MIN_ANONYMOUS_KEY = 22  # characters: as many as 128 random bits take


def key_hashes(
    key: str | None, caller: str | None, sha256: str, is_new_visitor: bool
) -> tuple[str, ...]:
    """Return the hashes under which a request with this Idempotency-Key is known.

    A key belongs to its caller: an API key, else a visitor. Of a client without either, key and
    bytes together are the identity, if the key is long enough not to be chosen by two; a shorter
    one is ignored.
    """
    if key is None:
        return ()
    if caller is not None and not is_new_visitor:
        return (_hash(caller, key),)
    if len(key) < MIN_ANONYMOUS_KEY:
        return ()
    return (_hash("", key, sha256), *([_hash(caller, key)] if caller else []))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
