"""A fleet of machines that look at pictures, simulated: where pictures wait, and how long.

A machine has cores; a worker has threads, a lock that lets one of them run Python at a time, and
its own breaker and retries. All share one PostgreSQL with its hot rows, and Rekognition's quota.
"""

import math
import random
from collections.abc import Generator
from typing import Any

import simpy

from bench.plan import SAVE_HELD, TAKE_HELD, Outcome, Plan
from bench.quota import Caller, Quota

Steps = Generator[Any, Any, None]  # what simpy's processes yield
TURN = 0.005  # seconds that Python lets a thread run while others wait
# Ways to the database: for whole transactions, and before a hot row is taken. A test counts them.
BEGIN_TRIPS, PAGE_TRIPS, TAKE_TRIPS, SAVE_TRIPS = 6, 4, 3, 4


class Worker:
    def __init__(self, fleet: "Fleet", cores: simpy.Resource) -> None:
        machine = fleet.plan.machine
        self.threads = simpy.Resource(fleet.env, machine.threads)
        self.lock = simpy.Resource(fleet.env, 1)
        self.cores = cores
        self.caller = Caller(fleet.env, fleet.quota, fleet.random)

    @property
    def load(self) -> int:
        return self.threads.count + len(self.threads.queue)


class Fleet:
    def __init__(self, plan: Plan, seed: int = 1) -> None:
        self.plan, self.work = plan, plan.work
        self.env = simpy.Environment()
        self.random = random.Random(seed)
        self.quota = Quota(plan.quota)
        env, machine = self.env, plan.machine
        self.calls = [simpy.Resource(env, 1) for _ in range(plan.hot_rows)]
        self.tally = [simpy.Resource(env, 1) for _ in range(plan.tally_rows)]
        self.database = simpy.Resource(env, plan.database_cores)
        self.machines = [
            [Worker(self, cores) for _ in range(machine.cores)]
            for cores in (simpy.Resource(env, machine.cores) for _ in range(plan.machines))
        ]
        self.outcome = Outcome(0.0, machine.cores * plan.machines)
        self._next, self.inside, self._since = 0, 0, 0.0

    def visited(self, a_second: float, seconds: float, warm: float = 0.0) -> Outcome:
        """By so many, each on its own, at random moments."""
        self.env.process(self._arrivals(a_second, warm + seconds))
        return self._run(seconds, warm)

    def visited_by(self, clients: int, seconds: float, warm: float = 0.0) -> Outcome:
        """By these, each of whom sends the next picture after the last one's answer."""
        for _ in range(clients):
            self.env.process(self._client())
        return self._run(seconds, warm)

    def _run(self, seconds: float, warm: float) -> Outcome:
        if warm:
            self.env.run(warm)
            self.outcome = Outcome(0.0, self.outcome.cores)
            self._since = warm
        self.env.run(warm + seconds)
        self._count(0)
        self.outcome.seconds = seconds
        self.outcome.in_progress /= seconds
        return self.outcome

    def _arrivals(self, a_second: float, until: float) -> Steps:
        yield self.env.timeout(self.random.expovariate(a_second))
        while self.env.now < until:
            self.env.process(self._visit())
            yield self.env.timeout(self.random.expovariate(a_second))

    def _client(self) -> Steps:
        while True:
            yield self.env.process(self._visit())

    def _visit(self) -> Steps:
        self._count(+1)
        self.outcome.arrived += 1
        begin = self.env.now
        if self.work.page:
            yield from self._page()
        yield from self._picture()
        if self.work.page:
            yield from self._page()
        self.outcome.waits.append(self.env.now - begin)
        self._count(-1)

    def _count(self, more: int) -> None:
        self.outcome.in_progress += self.inside * (self.env.now - self._since)
        self._since, self.inside = self.env.now, self.inside + more

    def _worker(self) -> Worker:
        """The load balancer goes round; on a machine, any worker takes what comes."""
        self._next = (self._next + 1) % len(self.machines)
        return self.random.choice(self.machines[self._next])

    def _page(self) -> Steps:
        worker = self._worker()
        with worker.threads.request() as thread:
            yield thread
            yield self.env.timeout(PAGE_TRIPS * self.work.trip)
            yield from self._python(worker, self.work.page)

    def _picture(self) -> Steps:
        worker, work = self._worker(), self.work
        with worker.threads.request() as thread:
            yield thread
            yield from self._pixels(worker, work.pixels / 2)
            yield from self._python(worker, work.python * 0.4)
            yield self.env.timeout(BEGIN_TRIPS * work.trip)
            put = self.env.timeout(work.put)
            yield from self._labels(worker)
            yield put
            yield from self._python(worker, work.python * 0.3)
            yield from self._pixels(worker, work.pixels / 2)
            yield self.env.timeout(work.put)
            yield from self._save()
            yield from self._python(worker, work.python * 0.3)

    def _labels(self, worker: Worker) -> Steps:
        if not self.plan.stands_in_always and worker.caller.allow_request():
            yield from self._take()
            answered = yield from worker.caller.ask(self.work.refusal, self._answer_time())
            if answered:
                self.outcome.labelled += 1
                return
            yield from self._take()  # it is given back
        yield from self._pixels(worker, self.work.fallback_detector)

    def _answer_time(self) -> float:
        parts, mean = self.work.evenness, self.work.labels
        return mean if math.isinf(parts) else self.random.gammavariate(parts, mean / parts)

    def _take(self) -> Steps:
        held = TAKE_HELD * self.work.trip + self.work.take_fixed
        row = self.random.choice(self.calls)
        yield from self._transaction(row, TAKE_TRIPS, held)
        self.outcome.row_seconds += held / len(self.calls)

    def _save(self) -> Steps:
        held = SAVE_HELD * self.work.trip + self.work.save_fixed
        yield from self._transaction(self.random.choice(self.tally), SAVE_TRIPS, held)
        self.outcome.tally_seconds += held / len(self.tally)

    def _transaction(self, row: simpy.Resource, trips: int, held: float) -> Steps:
        yield self.env.timeout(trips * self.work.trip)
        with self.database.request() as processor:
            yield processor
            yield self.env.timeout(self.work.database / 2)
        with row.request() as lock:
            yield lock
            yield self.env.timeout(held)

    def _python(self, worker: Worker, seconds: float) -> Steps:
        left = seconds / self.plan.machine.speed
        while left > 1e-9:
            turn = min(left, TURN)
            with worker.lock.request() as lock:
                yield lock
                yield from self._on_a_core(worker, turn)
            left -= turn

    def _pixels(self, worker: Worker, seconds: float) -> Steps:
        if seconds:
            yield from self._on_a_core(worker, seconds / self.plan.machine.speed)

    def _on_a_core(self, worker: Worker, seconds: float) -> Steps:
        with worker.cores.request() as core:
            yield core
            yield self.env.timeout(seconds)
        self.outcome.core_seconds += seconds
