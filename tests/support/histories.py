"""Random histories of models: what operators, visitors, networks and machines do to them."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rubberduck.core.errors import DuckError
from tests.support.custom_labels import LOSE_ANSWER, LOSE_REQUEST
from tests.support.hosting import Machine

STARTS = (LOSE_ANSWER, LOSE_REQUEST, "ThrottlingException", "InternalServerError")

CEILING = timedelta(minutes=40)


class Killed(BaseException):
    """The process ends here: nothing of it goes on."""


class Mortal:
    """A part whose methods end the process before or after they did their work."""

    def __init__(self, part: Any, dies: Callable[[], bool]) -> None:
        self._part, self._dies = part, dies

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            if self._dies():
                raise Killed
            answer = found(*args, **options)
            if self._dies():
                raise Killed
            return answer

        return call


def live_through(seed: int, machine: Machine, ids: list[str], acts: int = 12) -> bool:
    """Do what the seed says to the models; return whether a machine came back to watch them."""
    chance = random.Random(seed)
    machine.ceiling = CEILING
    fake = machine.fake
    comes_back = chance.random() < 0.8

    def dies() -> bool:
        return chance.random() < 0.08

    service, schedules = machine.service, machine.schedules
    machine.service = Mortal(service, dies)
    machine.schedules = Mortal(schedules, dies)  # type: ignore[assignment]
    for _ in range(acts):
        id = chance.choice(ids)
        act = chance.choice(["start", "start", "stop", "touch", "watch", "wait", "outage", "late"])
        if chance.random() < 0.4:
            fake.faults.order("StartProjectVersion", chance.choice(STARTS))
        if chance.random() < 0.4:
            fake.faults.order("StopProjectVersion", "ThrottlingException", chance.randint(1, 5))
        try:
            if act == "start":
                machine.hosting.start(id, chance.randint(1, 5), "ada")
            elif act == "stop":
                machine.hosting.stop(id)
            elif act == "touch":
                machine.hosting.touch(id)
            elif act == "watch":
                machine.watch(everything=chance.random() < 0.3)
            elif act == "late" and comes_back:  # a request that was on its way for long
                arn = machine.hosting.lives.get(id).arn
                service.start(arn, 1)
        except (DuckError, Killed):
            pass
        seconds = chance.choice([1, 20, 90, 400, 1300])
        machine.schedules = schedules
        try:
            machine.advance(seconds, watching=act != "outage", step=120)
        except Killed:
            machine.advance(seconds, watching=False, step=120)
        machine.schedules = Mortal(schedules, dies)  # type: ignore[assignment]
    machine.service, machine.schedules = service, schedules
    fake.faults.ordered.clear()
    if comes_back:
        machine.watch(everything=True)
    end = machine.ceiling.total_seconds() + 3600
    machine.advance(end, watching=comes_back, step=180)
    return comes_back
