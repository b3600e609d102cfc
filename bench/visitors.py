"""Visitors who send pictures to a site, each one after its own last answer came."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from bench.measure import Sample
from bench.sites import Site
from tests.support.pictures import form

Say = Callable[[int], bytes]


@dataclass(frozen=True)
class Visits:
    """What came back while it counted; `cpu` is the site's, in seconds."""

    latencies: tuple[float, ...]
    seconds: float
    cpu: float

    @property
    def a_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def latency(self) -> float:
        return median(self.latencies)

    def rate(self) -> Sample:
        return Sample(self.a_second, self.cpu / max(1, len(self.latencies)))


def upload(path: str, picture: bytes) -> Say:
    """A request for each number, with other bytes and another boundary: both are remembered."""

    number = b"number of this visit"  # as long as they get
    sent = form(picture + number)  # after a JPEG's end, nobody looks
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        f"Content-Type: {sent['content_type']}\r\nContent-Length: {len(sent['data'])}\r\n\r\n"
    )
    boundary = sent["content_type"].split("boundary=")[1].encode()
    whole = (head.encode() + bytes(sent["data"])).replace(boundary[-len(number) :], number)
    return lambda visit: whole.replace(number, b"%0*d" % (len(number), visit))


_numbers = itertools.count(time.time_ns())  # never the same picture twice, nor in another run


def visit(site: Site, say: Say, clients: int, seconds: float, before: float = 1.0) -> Visits:
    """So many at once, for `seconds` that count, after some that do not."""
    return asyncio.run(_visit(site, say, clients, seconds, before))


def send(site: Site, say: Say, count: int, clients: int = 4) -> None:
    """So many pictures, without a look at the clock."""

    async def all_of_them() -> None:
        numbers = iter([next(_numbers) for _ in range(count)])
        await asyncio.gather(*(_ask(site.port, say, numbers) for _ in range(clients)))

    asyncio.run(all_of_them())


async def _visit(site: Site, say: Say, clients: int, seconds: float, before: float) -> Visits:
    start = time.perf_counter() + before
    end = start + seconds
    numbers = itertools.takewhile(lambda _: time.perf_counter() < end, _numbers)
    asking = [asyncio.create_task(_ask(site.port, say, numbers)) for _ in range(clients)]
    await asyncio.sleep(before)
    cpu = site.cpu()
    await asyncio.sleep(max(0.0, end - time.perf_counter()))
    cpu = site.cpu() - cpu
    answers = [answer for each in asking for answer in await each]
    return Visits(tuple(took for at, took in answers if start <= at <= end), seconds, cpu)


async def _ask(port: int, say: Say, numbers: Iterator[int]) -> list[tuple[float, float]]:
    """When each answer came, and what it took."""
    answers = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        begin = time.perf_counter()
        writer.write(say(number))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        if head.split(" ")[1][0] not in "23":
            raise RuntimeError(f"a visitor was refused: {head.splitlines()[0]}: {body[:500]!r}")
        now = time.perf_counter()
        answers.append((now, now - begin))
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return answers
