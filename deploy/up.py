"""`make deploy`: the site as it stands here goes to AWS. `make settings`: only its settings do."""

import sys

from deploy import bundle, choices, stack
from deploy.account import Account
from deploy.choices import Choices
from deploy.stack import Stack
from deploy.words import CannotDeploy, aws_in_words


def deploy(chosen: Choices, account: Account, *, with_code: bool = True) -> None:
    now = stack.find(account.stacks, chosen.name)
    if not with_code:
        _refuse_without_code(chosen, now)
    if now:
        stack.refuse_if_stuck(now, chosen.name)
        _refuse_to_lose(now, chosen)
    parameters = {} if now else _first_time(chosen, account)
    parameters |= chosen.parameters
    if with_code:
        parameters |= _code(chosen, account, now)
    seen = stack.seen_so_far(account.stacks, now) if now else set[str]()
    if now is None:
        stack.create(account.stacks, chosen.name, parameters)
    elif not stack.update(account.stacks, now, parameters):
        print("It is all as you want it already.")
        return
    print("This takes ten minutes or more; stopping me here does not stop it.")
    _tell(chosen, account, seen)
    _say_where(chosen, account, now)


def _refuse_without_code(chosen: Choices, now: Stack | None) -> None:
    if now is None:
        raise CannotDeploy(f"There is no {chosen.name} in {chosen.region}: `make deploy` first.")
    if chosen.version or chosen.parameters.keys() & {"Variant", "Platform"}:
        raise CannotDeploy("VERSION, VARIANT and PLATFORM need `make deploy`.")


def _refuse_to_lose(now: Stack, chosen: Choices) -> None:
    there, wanted = now.parameters["Database"], chosen.parameters.get("Database")
    if wanted not in (None, there):
        raise CannotDeploy(
            f"The results are in {there}, and would stay behind there. Deploy a second site with "
            f"DATABASE={wanted} and another NAME instead."
        )


def _code(chosen: Choices, account: Account, now: Stack | None) -> dict[str, str]:
    """The bundle goes up, unless it is there already."""
    bucket = account.bundle_bucket()
    before = now.parameters if now else {}
    variant = chosen.parameters.get("Variant") or before.get("Variant")
    version = chosen.version or bundle.write(bundle.FILE, single=variant == "single")
    key = f"{chosen.name}/{version}.zip"
    if not account.has(bucket, key):
        if chosen.version:
            raise CannotDeploy(f"Version {version} was never deployed, or is deleted by now.")
        print(f"Uploading version {version}.")
        account.upload(bucket, key, bundle.FILE)
    parameters = {"BundleBucket": bucket, "BundleKey": key}
    # A new platform comes with new machines; SQLite would go with the old one.
    if before.get("Database") != "sqlite":
        parameters["Platform"] = chosen.parameters.get("Platform") or account.newest_platform()
    return parameters


def _first_time(chosen: Choices, account: Account) -> dict[str, str]:
    if "Email" not in chosen.parameters:
        raise CannotDeploy("Say who is to be told when something is wrong: EMAIL=you@example.org.")
    given = {"Vpc", "Subnets"} & chosen.parameters.keys()
    if len(given) == 1:
        raise CannotDeploy("VPC and SUBNETS belong together: give both, or none.")
    network = {} if given else account.network()
    return {**network, "Prefix": account.prefix(chosen.name)}


def _tell(chosen: Choices, account: Account, seen: set[str]) -> None:
    failures, last = [], ""
    for event in stack.follow(account.stacks, chosen.name, seen):
        print(event, flush=True)
        last = event.status
        if event.is_failure:
            failures.append(event)
    if last not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        first = f"{failures[0].what}: {failures[0].why}" if failures else last
        raise CannotDeploy(
            f"It did not work, and was taken back. The first thing to fail was {first}"
        )


def _say_where(chosen: Choices, account: Account, before: Stack | None) -> None:
    now = stack.find(account.stacks, chosen.name)
    assert now
    outputs = now.outputs
    print(f"Here it is: {outputs['Address']}")
    if now.parameters["Domain"] and not now.parameters["HostedZone"]:
        print(f"Its name has to lead there: a CNAME to {outputs['PointTheNameTo']}.")
    if now.parameters["Database"] == "sqlite":
        print("Its results lie on its machine's disk, and are lost with the machine.")
    old = before.parameters["BundleKey"] if before else now.parameters["BundleKey"]
    if old != now.parameters["BundleKey"]:
        version = old.split("/")[-1].removesuffix(".zip")
        print(
            f"To go back: make deploy NAME={chosen.name} REGION={chosen.region} VERSION={version}"
        )


def main(arguments: list[str]) -> None:
    command, *rest = arguments
    try:
        chosen = choices.read(rest)
        with aws_in_words():
            deploy(chosen, Account(chosen.region), with_code=command == "deploy")
    except CannotDeploy as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
