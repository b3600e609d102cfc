"""S3 and Rekognition as a process of their own, as cheap as they can be; they may be slow on order.

`python -m bench.endpoints --delay 0.3 --megabits 50` says its port. The tests' own endpoints hold
requests against Amazon's model; these only answer, so that little of the machine goes to them.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click

from rubberduck.core.settings import ROOT
from tests.support.fake_rekognition import recorded

BUCKET, REGION = "ducks-of-the-bench", "eu-central-1"
CHUNK = 16 * 1024
LABELS = json.dumps(recorded("detect_labels_giant_duck_boxes")).encode()


class Wire:
    """Carries so many bits a second for all connections together; without a rate, any number."""

    def __init__(self, megabits: float | None) -> None:
        self.seconds_a_byte = 8 / (megabits * 1e6) if megabits else 0.0
        self.free_at = 0.0

    async def carry(self, size: int, ready: float) -> float:
        """Waits until so many bytes have arrived that lay ready since then, and says when.

        The next ones of the same sender lay ready behind them: that a sleep ends a little late,
        every few bytes, makes no slower wire.
        """
        if not self.seconds_a_byte:
            return ready
        self.free_at = max(ready, self.free_at) + size * self.seconds_a_byte
        await asyncio.sleep(self.free_at - asyncio.get_running_loop().time())
        return self.free_at


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]


class Amazon:
    """Keeps objects by path, and says of each picture the same recorded labels."""

    def __init__(self, delay: float, s3_delay: float, wire: Wire) -> None:
        self.delay, self.s3_delay = delay, s3_delay
        self.wire = wire
        self.objects: dict[str, bytes] = {}

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _head(reader):
                if request.headers.get("expect"):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await self._body(reader, int(request.headers.get("content-length", 0)))
                writer.write(_answer(*await self._do(request, body)))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _body(self, reader: asyncio.StreamReader, left: int) -> bytes:
        parts, ready = [], asyncio.get_running_loop().time()
        while left and (part := await reader.read(min(left, CHUNK))):
            ready = await self.wire.carry(len(part), ready)
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    async def _do(self, request: Request, body: bytes) -> tuple[str, bytes]:
        if "x-amz-target" in request.headers:
            await asyncio.sleep(self.delay)
            return "200 OK", LABELS
        await asyncio.sleep(self.s3_delay)
        if request.method == "PUT":
            self.objects[request.path] = body
        if request.method == "GET":
            found = self.objects.get(request.path)
            return ("200 OK", found) if found is not None else ("404 Not Found", b"")
        return "200 OK", b""


async def _head(reader: asyncio.StreamReader) -> Request | None:
    try:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    return Request(method, path, {name.lower(): value.strip() for name, value in pairs})


def _answer(status: str, body: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        f"x-amz-bucket-region: {REGION}",
        'ETag: "a-tag"',
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _serve(delay: float, s3_delay: float, megabits: float | None) -> None:
    amazon = Amazon(delay, s3_delay, Wire(megabits))
    # A small buffer: what the kernel takes in at once would not be on the slow wire.
    server = await asyncio.start_server(amazon.converse, "127.0.0.1", 0, limit=4 * CHUNK)
    click.echo(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@contextmanager
def running(
    delay: float = 0.0, megabits: float | None = None, s3_delay: float = 0.0
) -> Iterator[dict[str, str]]:
    """Gives the environment that leads boto3 there."""
    delays = ["--delay", str(delay), "--s3-delay", str(s3_delay)]
    rate = ["--megabits", str(megabits)] if megabits else []
    command = [sys.executable, "-m", "bench.endpoints", *delays, *rate]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
            yield {
                "AWS_ENDPOINT_URL": url,
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


@click.command
@click.option("--delay", default=0.0, help="Seconds before Rekognition's answer.")
@click.option("--s3-delay", default=0.0, help="Seconds before each of S3's answers.")
@click.option("--megabits", type=float, help="A second, for all connections together.")
def main(delay: float, s3_delay: float, megabits: float | None) -> None:
    asyncio.run(_serve(delay, s3_delay, megabits))


if __name__ == "__main__":
    main()
