"""Load generators.

The closed loop: each client sends its next picture after its last answer came. The open one:
pictures arrive at a steady rate, whether the earlier ones are answered or not.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from bench.harness.measuring import Sample
from bench.harness.servers import Server
from tests.support.pictures import form

Visit = Callable[[int, int], Awaitable[object]]  # to this port, with a number of its own
numbers = itertools.count(time.time_ns())  # never the same picture twice, nor in another run


@dataclass(frozen=True)
class LoadResult:
    """The answers within `seconds`; latencies and the server's `cpu` are in seconds."""

    latencies: tuple[float, ...]
    seconds: float
    cpu: float

    def rate(self) -> Sample:
        """Return the answers per second, with the server's CPU seconds for each."""
        answers = len(self.latencies)
        return Sample(answers / self.seconds, self.cpu / max(1, answers))


def http_request(
    path: str, body: bytes = b"", content_type: str = "", accept: str = "application/json"
) -> bytes:
    """Return a request that ends its connection: a POST if it has a body."""
    head = (
        f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Accept: {accept}\r\nConnection: close\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def fetch(port: int, request: bytes) -> bytes:
    """Return the answer's body. RuntimeError with the answer, if the request was refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if head.split(b" ")[1][:1] not in b"23":
        raise RuntimeError(f"a request was refused: {head!r}: {body[:500]!r}")
    return body


def upload(path: str, picture: bytes) -> Visit:
    """Upload the picture, each time with different bytes.

    The site would recognise equal uploads, and werkzeug caches by multipart boundary.
    """
    number = b"number of this visit"  # as long as the numbers get
    sent = form(picture + number)  # decoders ignore what follows a JPEG's end
    whole = http_request(path, sent["data"], sent["content_type"])
    boundary = sent["content_type"].split("boundary=")[1].encode()
    whole = whole.replace(boundary[-len(number) :], number)
    return lambda port, visit: fetch(port, whole.replace(number, b"%0*d" % (len(number), visit)))


def measure_load(
    server: Server, visit: Visit, clients: int, seconds: float, warm_up: float = 1.0
) -> LoadResult:
    """Count the answers to concurrent clients for `seconds`, after a warm-up."""
    start = time.perf_counter() + warm_up
    end = start + seconds
    latencies: list[float] = []

    async def client() -> None:
        while (begin := time.perf_counter()) < end:
            await visit(server.port, next(numbers))
            if start <= (now := time.perf_counter()) <= end:
                latencies.append(now - begin)

    async def measure() -> float:
        tasks = [asyncio.ensure_future(client()) for _ in range(clients)]
        await asyncio.sleep(warm_up)
        cpu = server.cpu()
        await asyncio.sleep(end - time.perf_counter())
        cpu = server.cpu() - cpu
        await asyncio.gather(*tasks)
        return cpu

    cpu = asyncio.run(measure())
    return LoadResult(tuple(latencies), seconds, cpu)


def measure_latencies(
    server: Server, visit: Visit, rate: float, seconds: float, warm_up: float = 3.0
) -> LoadResult:
    """Return the latencies of `rate` visits a second that began within `seconds`.

    Those of a closed loop would leave out what visitors wait who come while the site is slow.
    """
    latencies: list[float] = []

    async def visit_at(due: float) -> None:
        await asyncio.sleep(due - time.perf_counter())
        await visit(server.port, next(numbers))
        if due >= start:
            latencies.append(time.perf_counter() - due)

    async def measure() -> None:
        count = int(rate * (warm_up + seconds))
        await asyncio.gather(*(visit_at(start - warm_up + n / rate) for n in range(count)))

    start, cpu = time.perf_counter() + warm_up, server.cpu()
    asyncio.run(measure())
    return LoadResult(tuple(latencies), seconds, server.cpu() - cpu)


def send_pictures(server: Server, visit: Visit, count: int, clients: int = 4) -> None:
    """Send `count` pictures, without measuring time."""

    async def client(left: Iterator[int]) -> None:
        for number in left:
            await visit(server.port, number)

    async def send() -> None:
        left = iter(list(itertools.islice(numbers, count)))
        await asyncio.gather(*(client(left) for _ in range(clients)))

    asyncio.run(send())
