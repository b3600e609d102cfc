"""`make destroy`: the site goes; says before what goes with it, and what stays."""

import sys

from deploy import choices, stack
from deploy.account import Account
from deploy.choices import Choices
from deploy.stack import Stack
from deploy.words import CannotDeploy, aws_in_words


def destroy(chosen: Choices, account: Account) -> None:
    now = stack.find(account.stacks, chosen.name)
    if now is None:
        raise CannotDeploy(f"There is no {chosen.name} in {chosen.region}.")
    if now.status.endswith("_IN_PROGRESS"):
        raise CannotDeploy(f"Something is under way with {chosen.name}: wait for it.")
    print(what_goes(chosen.name, now), what_stays(now), sep="\n\n")
    if input(f"\nTo do it, type the site's name ({chosen.name}): ").strip() != chosen.name:
        raise CannotDeploy("Nothing was deleted.")
    seen = stack.seen_so_far(account.stacks, now)
    account.stacks.delete_stack(StackName=now.id)
    failed = False
    for event in stack.follow(account.stacks, now.id, seen):
        print(event, flush=True)
        failed = event.is_failure
    if failed:
        raise CannotDeploy("Not everything could be deleted; the lines above say what, and why.")
    print("\nIt is gone.", what_stays(now), sep="\n")


def what_goes(name: str, now: Stack) -> str:
    lines = [f"Of {name} are deleted:", "- the site: its machines, load balancer, address, alarms"]
    if now.parameters.get("Database") == "sqlite":
        lines.append("- ALL RESULTS: they lie on its machine's disk, and there is no other copy")
    else:
        lines.append("- PostgreSQL, after a last snapshot of it")
    lines.append("- the key that signs cookies: visitors no longer own their pictures")
    return "\n".join(lines)


def what_stays(now: Stack) -> str:
    days = now.parameters.get("KeepDays", "30")
    bucket = now.outputs.get("Pictures")
    lines = ["What stays, and what to do about it:"]
    if bucket:
        lines += [
            f"- the visitors' pictures, until each is {days} days old. At once, with their bucket:",
            f"  aws s3 rb --force s3://{bucket}",
        ]
    if now.parameters.get("Database") != "sqlite":
        lines.append("- PostgreSQL's last snapshot (RDS, Snapshots), which costs cents a month")
    lines += [
        "- logs of the last 30 days (CloudWatch, /aws/elasticbeanstalk/…)",
        f"- the bundles: aws s3 rm --recursive s3://{now.parameters.get('BundleBucket', '…')}/"
        f"{now.parameters.get('BundleKey', '…').split('/')[0]}/",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    try:
        chosen = choices.read(arguments)
        if chosen.parameters or chosen.version:
            raise CannotDeploy("To destroy, only NAME and REGION matter.")
        with aws_in_words():
            destroy(chosen, Account(chosen.region))
    except CannotDeploy as error:
        sys.exit(str(error))
    except EOFError:
        sys.exit("Nobody is there to type the name: nothing was deleted.")


if __name__ == "__main__":
    main(sys.argv[1:])
