"""A closed-loop load generator: each client sends its next picture after its last answer came."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench.harness.measuring import Sample
from bench.harness.servers import Server
from tests.support.pictures import form

RequestFor = Callable[[int], bytes]  # the whole HTTP request with this number
Answers = list[tuple[float, float]]  # the moment of each answer, and the seconds it took
Client = Callable[[Iterator[int]], Awaitable[Answers]]  # sends one request for each number


@dataclass(frozen=True)
class LoadResult:
    """The answers within `seconds`; latencies and the server's `cpu` are in seconds."""

    latencies: tuple[float, ...]
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def latency(self) -> float:
        return median(self.latencies)

    def rate(self) -> Sample:
        """Return the answers per second, with the server's CPU seconds for each."""
        return Sample(self.per_second, self.cpu / max(1, len(self.latencies)))


def upload_request(path: str, picture: bytes) -> RequestFor:
    """Return a function that makes the request of a number, each with different bytes.

    The site would recognise equal uploads, and werkzeug caches by multipart boundary.
    """
    number = b"number of this visit"  # as long as the numbers get
    sent = form(picture + number)  # decoders ignore what follows a JPEG's end
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        f"Content-Type: {sent['content_type']}\r\nContent-Length: {len(sent['data'])}\r\n\r\n"
    )
    boundary = sent["content_type"].split("boundary=")[1].encode()
    whole = (head.encode() + bytes(sent["data"])).replace(boundary[-len(number) :], number)
    return lambda visit: whole.replace(number, b"%0*d" % (len(number), visit))


_numbers = itertools.count(time.time_ns())  # never the same picture twice, nor in another run


def measure_load(
    server: Server, request: RequestFor, clients: int, seconds: float, warm_up: float = 1.0
) -> LoadResult:
    """Count the answers to concurrent clients for `seconds`, after a warm-up."""
    return measure_clients(server, partial(_send, server.port, request), clients, seconds, warm_up)


def measure_clients(
    server: Server, client: Client, clients: int, seconds: float, warm_up: float = 1.0
) -> LoadResult:
    """Do the same with clients of any protocol."""

    async def measure() -> LoadResult:
        start = time.perf_counter() + warm_up
        end = start + seconds
        numbers = itertools.takewhile(lambda _: time.perf_counter() < end, _numbers)
        tasks = [asyncio.ensure_future(client(numbers)) for _ in range(clients)]
        await asyncio.sleep(warm_up)
        cpu = server.cpu()
        await asyncio.sleep(max(0.0, end - time.perf_counter()))
        cpu = server.cpu() - cpu
        answers = itertools.chain.from_iterable(await asyncio.gather(*tasks))
        return LoadResult(tuple(took for at, took in answers if start <= at <= end), seconds, cpu)

    return asyncio.run(measure())


def send_pictures(server: Server, request: RequestFor, count: int, clients: int = 4) -> None:
    """Send `count` pictures, without measuring time."""

    async def send() -> None:
        numbers = iter([next(_numbers) for _ in range(count)])
        await asyncio.gather(*(_send(server.port, request, numbers) for _ in range(clients)))

    asyncio.run(send())


async def _send(port: int, request: RequestFor, numbers: Iterator[int]) -> Answers:
    answers = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        begin = time.perf_counter()
        writer.write(request(number))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        if head.split(" ")[1][0] not in "23":
            raise RuntimeError(f"a request was refused: {head.splitlines()[0]}: {body[:500]!r}")
        now = time.perf_counter()
        answers.append((now, now - begin))
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return answers
