"""Random ids of rows, as they stand in links and on command lines."""

import secrets

ID_BYTES = 16  # 128 random bits, so that ids cannot be guessed


def random_id(random_bytes: int = ID_BYTES) -> str:
    """Return a URL-safe id. It never begins with "-": commands would take it for an option."""
    while (id := secrets.token_urlsafe(random_bytes)).startswith("-"):
        pass
    return id
