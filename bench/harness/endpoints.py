"""Minimal S3 and Rekognition endpoints in a separate process, with optional delay and bandwidth.

The tests use moto and a validating fake; these only answer, so that they take little of the CPU
that is being measured. Delays are in seconds, the bandwidth is shared by all connections.
"""

import asyncio
import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from tests.support.recordings import recorded

BUCKET, REGION = "ducks-of-the-bench", "eu-central-1"
CHUNK = 16 * 1024
LABELS = json.dumps(recorded("detect_labels_giant_duck_boxes")).encode()


class Wire:
    """A link of limited bandwidth, shared by all connections; unlimited without a rate."""

    def __init__(self, megabits: float | None) -> None:
        self.seconds_per_byte = 8 / (megabits * 1e6) if megabits else 0.0
        self.free_at = 0.0

    async def carry(self, size: int, ready: float) -> float:
        """Wait until `size` bytes that were ready at `ready` have arrived; return that moment.

        The sender's next bytes count as ready then, so that a sleep that ends late, every few
        bytes, does not make the link slower.
        """
        if not self.seconds_per_byte:
            return ready
        self.free_at = max(ready, self.free_at) + size * self.seconds_per_byte
        await asyncio.sleep(self.free_at - asyncio.get_running_loop().time())
        return self.free_at


class Endpoints:
    """Stores S3 objects by path and answers every DetectLabels with the same recorded labels."""

    def __init__(self, delay: float, s3_delay: float, megabits: float | None) -> None:
        self.delay, self.s3_delay, self.wire = delay, s3_delay, Wire(megabits)
        self.objects: dict[str, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().rstrip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = dict(line.lower().split(": ", 1) for line in lines)
                if "expect" in headers:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                sent = await self._read_body(reader, int(headers.get("content-length", 0)))
                await asyncio.sleep(self.delay if "x-amz-target" in headers else self.s3_delay)
                status, body = self._answer(method, path, sent, headers)
                answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
                answer += f'x-amz-bucket-region: {REGION}\r\nETag: "a-tag"\r\n\r\n'
                writer.write(answer.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _read_body(self, reader: asyncio.StreamReader, left: int) -> bytes:
        parts, ready = [], asyncio.get_running_loop().time()
        while left and (part := await reader.read(min(left, CHUNK))):
            ready = await self.wire.carry(len(part), ready)
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _answer(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[str, bytes]:
        if "x-amz-target" in headers:
            return "200 OK", LABELS
        if method == "PUT":
            self.objects[path] = body
        if method == "GET" and path not in self.objects:
            return "404 Not Found", b""
        return "200 OK", self.objects[path] if method == "GET" else b""


def _main(port: Connection, delay: float, s3_delay: float, megabits: float | None) -> None:
    async def run() -> None:
        serve = Endpoints(delay, s3_delay, megabits).serve
        # A small buffer: what the kernel takes in at once would not be subject to the slow link.
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4 * CHUNK)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def running(
    delay: float = 0.0, megabits: float | None = None, s3_delay: float = 0.0
) -> Iterator[dict[str, str]]:
    """Start the endpoints; yield the environment variables that point boto3 and the site there."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_main, args=(theirs, delay, s3_delay, megabits))
    process.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-bench",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "DUCK_BUCKET": BUCKET,
        }
    finally:
        process.terminate()
        process.join()
