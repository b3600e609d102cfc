"""`make deploy` deploys this clone to AWS; `make settings` changes only the options."""

import sys

from deploy import bundle, certificates, models, options, stack
from deploy.account import Account
from deploy.errors import DeploymentError, translate_aws_errors
from deploy.options import Options
from deploy.stack import Stack


def deploy(chosen: Options, account: Account, *, with_code: bool = True) -> None:
    """Create or update the site's stack, print its events, and wait until it is done."""
    current = stack.find(account.cloudformation, chosen.name)
    if not with_code:
        _refuse_without_code(chosen, current)
    if current:
        stack.refuse_if_stuck(current, chosen.name)
        _refuse_database_change(current, chosen)
    disables_models = chosen.parameters.get(models.PARAMETER) == "no"
    if current and disables_models:
        models.refuse_billed(current, account)
    parameters = {} if current else _initial_parameters(chosen, account)
    parameters |= chosen.parameters
    database = parameters.get("Database") or (current.parameters["Database"] if current else None)
    if with_code and database != "sqlite":
        certificates.check(chosen.region)
    if with_code:
        parameters |= _upload_code(chosen, account, current)
    seen = stack.event_ids(account.cloudformation, current) if current else set[str]()
    if current is None:
        stack.create(account.cloudformation, chosen.name, parameters)
    elif not stack.update(account.cloudformation, current, parameters):
        print("Nothing to change: the site has this version and these options already.")
        return
    print("This takes ten minutes or more; Ctrl+C stops this display, not the deployment.")
    _print_events(chosen, account, seen)
    _print_summary(chosen, account, current)
    if current and disables_models:
        models.report_billed(current, account)


def _refuse_without_code(chosen: Options, current: Stack | None) -> None:
    if current is None:
        raise DeploymentError(
            f"There is no site {chosen.name} in {chosen.region}: run `make deploy` first."
        )
    if chosen.version or chosen.parameters.keys() & {"Variant", "Platform"}:
        raise DeploymentError("VERSION, VARIANT and PLATFORM need `make deploy`.")


def _refuse_database_change(current: Stack, chosen: Options) -> None:
    database, wanted = current.parameters["Database"], chosen.parameters.get("Database")
    if wanted not in (None, database):
        raise DeploymentError(
            f"The results are in {database} and would be lost. Deploy a second site with "
            f"DATABASE={wanted} and another NAME instead."
        )


def _upload_code(chosen: Options, account: Account, current: Stack | None) -> dict[str, str]:
    """Upload the bundle, unless it is there; return the parameters that name it."""
    bucket = account.bundle_bucket()
    before = current.parameters if current else {}
    variant = chosen.parameters.get("Variant") or before.get("Variant")
    version = chosen.version or bundle.write(bundle.FILE, single=variant == "single")
    key = f"{chosen.name}/{version}.zip"
    if not account.object_exists(bucket, key):
        if chosen.version:
            raise DeploymentError(f"Version {version} was never deployed, or has been deleted.")
        print(f"Uploading version {version}.")
        account.upload(bucket, key, bundle.FILE)
    parameters = {"BundleBucket": bucket, "BundleKey": key}
    # A new platform replaces the machine, and SQLite would be lost with it.
    if before.get("Database") != "sqlite":
        parameters["Platform"] = chosen.parameters.get("Platform") or account.newest_platform()
    return parameters


def _initial_parameters(chosen: Options, account: Account) -> dict[str, str]:
    if "Email" not in chosen.parameters:
        raise DeploymentError("Give an address for alarms: EMAIL=you@example.org.")
    # Elastic Beanstalk has no option for an encrypted root volume, which holds the SQLite file.
    if chosen.parameters.get("Database") == "sqlite" and not account.encrypts_volumes():
        raise DeploymentError(
            "The results would be on an unencrypted volume. Turn on encryption for new volumes, "
            f"`aws ec2 enable-ebs-encryption-by-default --region {chosen.region}`, or choose "
            "DATABASE=postgresql."
        )
    given = {"Vpc", "Subnets"} & chosen.parameters.keys()
    if len(given) == 1:
        raise DeploymentError("Give both VPC and SUBNETS, or neither.")
    network = {} if given else account.default_network()
    return {**network, "Prefix": account.cname_prefix(chosen.name)}


def _print_events(chosen: Options, account: Account, seen: set[str]) -> None:
    failures, last = [], ""
    for event in stack.follow(account.cloudformation, chosen.name, seen):
        print(event, flush=True)
        last = event.status
        if event.is_failure:
            failures.append(event)
    if last not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        first = f"{failures[0].resource}: {failures[0].reason}" if failures else last
        raise DeploymentError(f"The deployment failed and was rolled back. First failure: {first}")


def _print_summary(chosen: Options, account: Account, before: Stack | None) -> None:
    current = stack.find(account.cloudformation, chosen.name)
    assert current
    print(f"The site is at {current.outputs['Address']}")
    if current.parameters["Domain"] and not current.parameters["HostedZone"]:
        print(f"Create a CNAME record for its domain: {current.outputs['PointTheNameTo']}.")
    if current.parameters["Database"] == "sqlite":
        print("Its results are on its machine's disk, and are lost with the machine.")
    old = before.parameters["BundleKey"] if before else current.parameters["BundleKey"]
    if old != current.parameters["BundleKey"]:
        version = old.split("/")[-1].removesuffix(".zip")
        print(
            f"To roll back: make deploy NAME={chosen.name} REGION={chosen.region} VERSION={version}"
        )


def main(arguments: list[str]) -> None:
    command, *rest = arguments
    try:
        chosen = options.parse(rest)
        with translate_aws_errors():
            deploy(chosen, Account(chosen.region), with_code=command == "deploy")
    except DeploymentError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
