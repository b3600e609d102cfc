"""moto's buckets, whose conditional writes its server's threads make all at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.s3.responses import S3Response


@contextmanager
def one_conditional_write_at_a_time() -> Iterator[None]:
    """Let one thread at a time compare an object's ETag and write it.

    moto 5.2.5 looks for the object (`S3Response.put_object`) and writes it later, so that two of
    several writes with If-None-Match at the same moment succeed. S3 lets one.
    """
    lock, put = threading.Lock(), S3Response.put_object

    def alone(self: S3Response) -> Any:
        if not {"If-Match", "If-None-Match"} & set(self.headers):
            return put(self)
        with lock:
            return put(self)

    with patch.object(S3Response, "put_object", alone):
        yield
