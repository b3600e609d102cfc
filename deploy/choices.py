"""What an operator asks for: `NAME=duck DOMAIN=duck.example.org …`, as make hands it on."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.words import CannotDeploy

# Each variable and the template's parameter for it.
PARAMETERS = {
    "VARIANT": "Variant",
    "DATABASE": "Database",
    "REDIS": "Redis",
    "DOMAIN": "Domain",
    "HOSTED_ZONE": "HostedZone",
    "CERTIFICATE": "Certificate",
    "EMAIL": "Email",
    "BUDGET": "MonthlyBudget",
    "VPC": "Vpc",
    "SUBNETS": "Subnets",
    "PLATFORM": "Platform",
    "MACHINE_TYPE": "MachineType",
    "MACHINES": "Machines",
    "MOST_MACHINES": "MostMachines",
    "DATABASE_TYPE": "DatabaseType",
    "WORKERS": "Workers",
    "ENGINE": "Engine",
    "KEEP_DAYS": "KeepDays",
    "DAILY_CALLS": "DailyCalls",
    "MONTHLY_CALLS": "MonthlyCalls",
    "UPLOADS_A_MINUTE": "UploadsAMinute",
    "LOG_LEVEL": "LogLevel",
}
OURS = ("NAME", "REGION", "VERSION")
OF_THE_MAKEFILE = ("PYTHON", "PORT", "BIN")
NAME = r"[a-z][a-z0-9-]{0,28}[a-z0-9]"
LIKE_A_NAME = "2 to 30 small letters, digits and hyphens, a letter first, no hyphen last"
REGION = r"[a-z]{2}(-[a-z]+)+-\d"
VERSION = r"[0-9a-f]{12}"


@dataclass(frozen=True)
class Choices:
    name: str = "duck"
    region: str = "eu-central-1"
    version: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def read(arguments: Sequence[str]) -> Choices:
    """CannotDeploy, with what was probably meant, for anything that is no variable of ours."""
    given = dict(_split(argument) for argument in arguments)
    for name in OF_THE_MAKEFILE:
        given.pop(name, None)
    _refuse_unknown(given)
    name = _checked("NAME", given.get("NAME", Choices.name), NAME, LIKE_A_NAME)
    region = _checked("REGION", given.get("REGION", Choices.region), REGION, "like eu-central-1")
    version = given.get("VERSION")
    if version is not None:
        _checked("VERSION", version, VERSION, "the twelve signs that a deployment named")
    parameters = {PARAMETERS[key]: given[key] for key in given if key in PARAMETERS}
    return Choices(name, region, version, parameters)


def _split(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not equals:
        raise CannotDeploy(f"“{argument}” is not understood: say NAME=value.")
    return name, value


def _refuse_unknown(given: dict[str, str]) -> None:
    known = [*OURS, *PARAMETERS]
    for name in given:
        if name not in known:
            meant = difflib.get_close_matches(name, known, 1) or [", ".join(known)]
            raise CannotDeploy(f"{name} is nothing that can be chosen; did you mean {meant[0]}?")


def _checked(variable: str, value: str, pattern: str, wanted: str) -> str:
    if not re.fullmatch(pattern, value):
        raise CannotDeploy(f"{variable}={value} does not look right: it must be {wanted}.")
    return value
