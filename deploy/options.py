"""The options of a deployment: `NAME=duck DOMAIN=duck.example.org …`, as make passes them on."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from botocore.exceptions import UnknownRegionError
from botocore.session import get_session

from deploy.errors import DeploymentError

# Each option, and the template's parameter for it.
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
    "DELETION_PROTECTION": "DeletionProtection",
    "ENGINE": "Engine",
    "SIGN_IN": "SignIn",
    "KEEP_DAYS": "KeepDays",
    "DAILY_CALLS": "DailyCalls",
    "MONTHLY_CALLS": "MonthlyCalls",
    "UPLOADS_A_MINUTE": "UploadsAMinute",
    "VISITOR_BYTES": "VisitorBytes",
    "SITE_BYTES": "SiteBytes",
    "CUSTOM_LABELS": "CustomLabels",
    "VIDEO": "Video",
    "CELEBRITIES": "Celebrities",
    "FACES": "Faces",
    "FACE_COLLECTIONS": "FaceCollections",
    "EVENTS": "Events",
    "FUNCTION_IMAGE": "FunctionImage",
    "LOG_LEVEL": "LogLevel",
}
# What a short form means, as in `EVENTS=1`.
SHORT_FORMS = {("EVENTS", "1"): "workers"}
BASE_OPTIONS = ("NAME", "REGION", "VERSION")
MAKEFILE_VARIABLES = ("PYTHON", "PORT", "BIN")
NAME = r"[a-z][a-z0-9-]{0,28}[a-z0-9]"
NAME_RULE = "2 to 30 lower-case letters, digits and hyphens, starting with a letter"
RESERVED_BY_COGNITO = ("aws", "amazon", "cognito")
VERSION = r"[0-9a-f]{12}"


@dataclass(frozen=True)
class Options:
    """`parameters` are the template's, by its own names."""

    name: str = "duck"
    region: str = "eu-central-1"
    version: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def parse(arguments: Sequence[str]) -> Options:
    """Return the options. Raises DeploymentError for an unknown one, with the closest known one."""
    given = dict(_split(argument) for argument in arguments)
    for name in MAKEFILE_VARIABLES:
        given.pop(name, None)
    _refuse_unknown(given)
    name = _checked("NAME", given.get("NAME", Options.name), NAME, NAME_RULE)
    region = _known_region(given.get("REGION", Options.region))
    version = given.get("VERSION")
    if version is not None:
        _checked("VERSION", version, VERSION, "the 12 characters that a deployment printed")
    _check_sign_in(given, name)
    parameters = {
        PARAMETERS[key]: SHORT_FORMS.get((key, value), value)
        for key, value in given.items()
        if key in PARAMETERS
    }
    return Options(name, region, version, parameters)


def _split(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not equals:
        raise DeploymentError(f"“{argument}” is not an option: write NAME=value.")
    return name, value


def _check_sign_in(given: dict[str, str], name: str) -> None:
    """Refuse a name that the address of Cognito's sign-in page may not contain."""
    if given.get("SIGN_IN") == "cognito":
        for word in RESERVED_BY_COGNITO:
            if word in name:
                raise DeploymentError(
                    f"NAME={name} is not valid: with SIGN_IN=cognito it may not contain “{word}”."
                )


def _refuse_unknown(given: dict[str, str]) -> None:
    known = [*BASE_OPTIONS, *PARAMETERS]
    for name in given:
        if name not in known:
            meant = difflib.get_close_matches(name, known, 1) or [", ".join(known)]
            raise DeploymentError(f"Unknown option {name}; did you mean {meant[0]}?")


def _known_region(region: str) -> str:
    """Return the region, if one of botocore's partitions has regions of this form."""
    try:
        get_session().get_partition_for_region(region)
    except UnknownRegionError:
        raise DeploymentError(
            f"REGION={region} is not valid: AWS has no such region; it must be like eu-central-1."
        ) from None
    return region


def _checked(option: str, value: str, pattern: str, rule: str) -> str:
    if not re.fullmatch(pattern, value):
        raise DeploymentError(f"{option}={value} is not valid: it must be {rule}.")
    return value
