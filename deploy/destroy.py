"""`make destroy`: delete the site, after saying what is deleted and what remains."""

import sys

from deploy import models, options, stack
from deploy.account import Account
from deploy.errors import DeploymentError, translate_aws_errors
from deploy.options import Options
from deploy.stack import Stack


def destroy(chosen: Options, account: Account) -> None:
    current = stack.find(account.cloudformation, chosen.name)
    if current is None:
        raise DeploymentError(f"There is no site {chosen.name} in {chosen.region}.")
    if current.is_in_progress:
        raise DeploymentError(f"{chosen.name} is being changed ({current.status}): wait for it.")
    if current.parameters.get("DeletionProtection") == "yes":
        raise DeploymentError(
            f"{chosen.name} is protected from deletion. To delete it all the same, first run "
            f"`make settings NAME={chosen.name} REGION={chosen.region} DELETION_PROTECTION=no`."
        )
    models.refuse_billed(current, account)
    print(describe_deleted(chosen.name, current), describe_retained(current), sep="\n\n")
    if input(f"\nType the site's name ({chosen.name}) to delete it: ").strip() != chosen.name:
        raise DeploymentError("Nothing was deleted.")
    seen = stack.event_ids(account.cloudformation, current)
    account.cloudformation.delete_stack(StackName=current.id)
    failed = False
    for event in stack.follow(account.cloudformation, current.id, seen):
        print(event, flush=True)
        failed = event.is_failure
    if failed:
        models.report_billed(current, account)
        raise DeploymentError("Some resources could not be deleted; see the lines above for why.")
    print("\nThe site is deleted.", describe_retained(current), sep="\n")
    models.report_billed(current, account)


def describe_deleted(name: str, current: Stack) -> str:
    lines = [f"Deleting {name} deletes:", "- its machines, load balancer, DNS record and alarms"]
    if current.parameters.get("Database") == "sqlite":
        lines.append("- ALL RESULTS: they are on its machine's disk, and there is no other copy")
    else:
        lines.append("- PostgreSQL, after a final snapshot")
    lines.append("- the key that signs cookies: visitors can no longer delete their pictures")
    return "\n".join(lines)


def describe_retained(current: Stack) -> str:
    days = current.parameters.get("KeepDays", "30")
    bucket = current.outputs.get("Pictures")
    lines = ["What remains, and how to remove it:"]
    if bucket:
        lines += [
            f"- the visitors' pictures, each until it is {days} days old. To delete them now:",
            f"  aws s3 rb --force s3://{bucket}",
        ]
    if arrivals := current.outputs.get("Arrivals"):
        lines += [
            f"- pictures that arrived and their answers, until they are {days} days old:",
            f"  aws s3 rb --force s3://{arrivals}",
        ]
    if current.parameters.get("Database") != "sqlite":
        lines.append("- PostgreSQL's final snapshot (RDS, Snapshots), at some cents a month")
    if role := current.outputs.get("StopModelsRole"):
        lines += [
            "- the role by which a scheduled stop of a model works also now; it may do nothing "
            "else. Delete it when no model runs:",
            f"  aws iam delete-role-policy --role-name {role} --policy-name stop",
            f"  aws iam delete-role --role-name {role}",
        ]
    lines += [
        "- logs of the last 30 days (CloudWatch, /aws/elasticbeanstalk/…)",
        f"- the bundles: aws s3 rm --recursive s3://{current.parameters.get('BundleBucket', '…')}/"
        f"{current.parameters.get('BundleKey', '…').split('/')[0]}/",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    try:
        chosen = options.parse(arguments)
        if chosen.parameters or chosen.version:
            raise DeploymentError("`make destroy` takes NAME and REGION only.")
        with translate_aws_errors():
            destroy(chosen, Account(chosen.region))
    except DeploymentError as error:
        sys.exit(str(error))
    except EOFError:
        sys.exit("There is no terminal to type the name in: nothing was deleted.")


if __name__ == "__main__":
    main(sys.argv[1:])
