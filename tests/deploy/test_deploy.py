"""`make deploy`, `make settings`, `make destroy`: every request to AWS held against its model."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from deploy import bundle, certificates, options, stack
from deploy import deploy as deployment
from deploy import destroy as deletion
from deploy.account import BRANCH, Account
from deploy.errors import DeploymentError, translate_aws_errors
from rubberduck.core.settings import ROOT
from tests.support.cloudformation import read

ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/duck/1"
BUCKET = "elasticbeanstalk-eu-central-1-123456789012"
PLATFORM = f"arn:aws:elasticbeanstalk:eu-central-1::platform/{BRANCH}"
PREFIX = "duck-40adbbd4"
THERE = {
    "Variant": "load-balanced",
    "Database": "postgresql",
    "Domain": "duck.example",
    "HostedZone": "",
    "KeepDays": "30",
    "BundleBucket": BUCKET,
    "BundleKey": "duck/0123456789ab.zip",
    "Platform": f"{PLATFORM}/4.9.0",
}
OUTPUTS = {
    "Address": "https://duck.example/",
    "PointTheNameTo": f"{PREFIX}.eu-central-1.elasticbeanstalk.com",
    "Pictures": "duck-pictures-1",
}
FIRST = ["EMAIL=me@duck.example", "DOMAIN=duck.example", "CERTIFICATE=arn:aws:acm:x:1:c"]


@cache
def clients() -> dict[str, Any]:
    session: Any = boto3.Session("testing", "testing", region_name="eu-central-1")
    names = ("cloudformation", "elasticbeanstalk", "s3", "ec2", "sts", "rekognition")
    return {name: session.client(name) for name in names}


class Amazon:
    """Real clients whose answers are written down, one after the other."""

    def __init__(self) -> None:
        self.stubs = {name: Stubber(client) for name, client in clients().items()}

    def client(self, name: str, config: Config | None = None) -> Any:
        return clients()[name]

    def answers(self, service: str, operation: str, answer: Any, **expected: Any) -> None:
        self.stubs[service].add_response(operation, answer, expected or None)

    def refuses(self, service: str, operation: str, code: str, message: str = "no") -> None:
        self.stubs[service].add_client_error(operation, code, message)

    def has_no_stack(self) -> None:
        self.refuses(
            "cloudformation", "describe_stacks", "ValidationError", "Stack duck does not exist"
        )

    def has_stack(self, status: str = "CREATE_COMPLETE", **parameters: str) -> None:
        there = {
            "StackId": ID,
            "StackName": "duck",
            "StackStatus": status,
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in {**THERE, **parameters}.items()
            ],
            "Outputs": [{"OutputKey": key, "OutputValue": each} for key, each in OUTPUTS.items()],
        }
        self.answers("cloudformation", "describe_stacks", {"Stacks": [there]})

    def takes_the_bundle(self, *, is_new: bool = True) -> None:
        self.answers("elasticbeanstalk", "create_storage_location", {"S3Bucket": BUCKET})
        if not is_new:
            self.answers("s3", "head_object", {})
            return
        self.refuses("s3", "head_object", "404")
        self.answers("s3", "put_object", {}, Bucket=BUCKET, Key=ANY, Body=ANY)

    def has_platforms(self) -> None:
        versions = [
            {"PlatformArn": f"{PLATFORM}/{each}", "PlatformVersion": each}
            for each in ("4.9.2", "4.10.0", "4.2.11")
        ]
        answer = {"PlatformSummaryList": versions}
        self.answers("elasticbeanstalk", "list_platform_versions", answer)

    def has_a_network(self) -> None:
        self.answers("sts", "get_caller_identity", {"Account": "123456789012"})
        self.answers("ec2", "describe_vpcs", {"Vpcs": [{"VpcId": "vpc-1"}]})
        subnets = [{"SubnetId": "subnet-2"}, {"SubnetId": "subnet-1"}]
        self.answers("ec2", "describe_subnets", {"Subnets": subnets})

    def is_updated_with(self, *parameters: dict[str, Any]) -> None:
        self.answers(
            "cloudformation",
            "update_stack",
            {"StackId": ID},
            StackName=ID,
            TemplateBody=ANY,
            Parameters=list(parameters),
            Capabilities=["CAPABILITY_IAM"],
        )

    def has_models(self, *states: str, bucket: str = OUTPUTS["Pictures"]) -> None:
        """Answer with a project of ours, a version in each state, and a project of others."""
        base = "arn:aws:rekognition:eu-central-1:123456789012:project"
        projects = [{"ProjectArn": f"{base}/{name}/1"} for name in ("logos", "duck-mugs")]
        versions = [
            {
                "ProjectVersionArn": f"{base}/duck-mugs/version/v{number}/1",
                "Status": state,
                "OutputConfig": {"S3Bucket": bucket, "S3KeyPrefix": "projects"},
            }
            for number, state in enumerate(states, 1)
        ]
        self.answers("rekognition", "describe_projects", {"ProjectDescriptions": projects})
        self.answers(
            "rekognition",
            "describe_project_versions",
            {"ProjectVersionDescriptions": versions},
            ProjectArn=projects[1]["ProjectArn"],
        )

    def add_stack_events(self, *events: tuple[str, str] | tuple[str, str, str]) -> None:
        """In the order in which they happen; AWS gives the newest first."""
        records = [
            {
                "StackId": ID,
                "EventId": f"{number} {name} {status}",
                "StackName": "duck",
                "LogicalResourceId": name,
                "PhysicalResourceId": ID if name == "duck" else name,
                "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "ResourceStatus": status,
                **({"ResourceStatusReason": why[0]} if why else {}),
            }
            for number, (name, status, *why) in enumerate(events)
        ]
        self.answers("cloudformation", "describe_stack_events", {"StackEvents": records[::-1]})


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Amazon]:
    monkeypatch.setattr(bundle, "FILE", tmp_path / "bundle.zip")
    amazon = Amazon()
    with ExitStack() as entered:
        for stub in amazon.stubs.values():
            entered.enter_context(stub)
        yield amazon


@pytest.fixture
def deploy(amazon: Amazon) -> Callable[..., None]:
    def deploy(*arguments: str, with_code: bool = True) -> None:
        with translate_aws_errors():
            account = Account("eu-central-1", amazon)
            deployment.deploy(options.parse(arguments), account, with_code=with_code)
        for stub in amazon.stubs.values():
            stub.assert_no_pending_responses()

    return deploy


def given(**parameters: Any) -> list[dict[str, Any]]:
    return [{"ParameterKey": key, "ParameterValue": each} for key, each in parameters.items()]


def unchanged(*names: str) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "UsePreviousValue": True} for name in names]


def test_the_first_time(
    amazon: Amazon, deploy: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    amazon.has_no_stack()
    amazon.takes_the_bundle()
    amazon.has_platforms()
    amazon.has_a_network()
    amazon.answers(
        "cloudformation",
        "create_stack",
        {"StackId": ID},
        StackName="duck",
        TemplateBody=stack.TEMPLATE.read_text(),
        Parameters=given(
            Vpc="vpc-1",
            Subnets="subnet-1,subnet-2",
            Prefix=ANY,
            Email="me@duck.example",
            Domain="duck.example",
            Certificate="arn:aws:acm:x:1:c",
            BundleBucket=BUCKET,
            BundleKey=ANY,
            Platform=f"{PLATFORM}/4.10.0",
        ),
        Capabilities=["CAPABILITY_IAM"],
    )
    amazon.add_stack_events(
        ("duck", "CREATE_IN_PROGRESS"), ("Pictures", "CREATE_COMPLETE"), ("duck", "CREATE_COMPLETE")
    )
    amazon.has_stack()
    deploy(*FIRST)
    output = capsys.readouterr().out
    assert "Pictures" in output
    assert "The site is at https://duck.example/" in output
    assert f"CNAME record for its domain: {PREFIX}.eu-central-1.elasticbeanstalk.com" in output


def test_a_new_version_changes_nothing_else_and_says_how_to_go_back(
    amazon: Amazon, deploy: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    amazon.has_stack()
    amazon.takes_the_bundle()
    amazon.has_platforms()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    same = ("Variant", "Database", "Domain", "HostedZone", "KeepDays")
    changed = given(BundleBucket=BUCKET, BundleKey=ANY, Platform=f"{PLATFORM}/4.10.0")
    amazon.is_updated_with(*changed, *unchanged(*same))
    # What happened before does not end the waiting.
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "UPDATE_COMPLETE"))
    amazon.has_stack("UPDATE_COMPLETE", BundleKey="duck/fedcba987654.zip")
    deploy()
    assert "make deploy NAME=duck REGION=eu-central-1 VERSION=0123456789ab" in (
        capsys.readouterr().out
    )


def test_going_back_uploads_nothing(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_stack(BundleKey="duck/fedcba987654.zip")
    amazon.takes_the_bundle(is_new=False)
    amazon.has_platforms()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.answers("cloudformation", "update_stack", {"StackId": ID})
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "UPDATE_COMPLETE"))
    amazon.has_stack("UPDATE_COMPLETE")
    deploy("VERSION=0123456789ab")


def test_going_back_to_what_never_was(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_stack()
    amazon.answers("elasticbeanstalk", "create_storage_location", {"S3Bucket": BUCKET})
    amazon.refuses("s3", "head_object", "404")
    with pytest.raises(DeploymentError, match="never deployed"):
        deploy("VERSION=0123456789ab")


def test_a_single_machine_with_sqlite_keeps_its_platform(
    amazon: Amazon, deploy: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Another one would come with another machine, and the results would be gone."""
    single = {"Variant": "single", "Database": "sqlite", "Domain": ""}
    amazon.has_stack(**single)
    amazon.takes_the_bundle()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    same = ("Variant", "Database", "Domain", "HostedZone", "KeepDays", "Platform")
    amazon.is_updated_with(*given(BundleBucket=BUCKET, BundleKey=ANY), *unchanged(*same))
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "UPDATE_COMPLETE"))
    amazon.has_stack("UPDATE_COMPLETE", **single)
    deploy()
    assert "lost with the machine" in capsys.readouterr().out


def test_the_lever_needs_no_new_version(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_stack()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.is_updated_with(*given(Engine="local"), *unchanged(*THERE))
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "UPDATE_COMPLETE"))
    amazon.has_stack("UPDATE_COMPLETE")
    deploy("ENGINE=local", with_code=False)


def test_nothing_to_do(
    amazon: Amazon, deploy: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    amazon.has_stack()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    words = "No updates are to be performed."
    amazon.refuses("cloudformation", "update_stack", "ValidationError", words)
    deploy("KEEP_DAYS=30", with_code=False)
    assert "Nothing to change" in capsys.readouterr().out


def test_what_failed_first_is_said_last(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_stack()
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.answers("cloudformation", "update_stack", {"StackId": ID})
    amazon.add_stack_events(
        ("duck", "CREATE_COMPLETE"),
        ("Environment", "UPDATE_FAILED", "its health is red"),
        ("Alias", "UPDATE_FAILED", "cancelled"),
        ("duck", "UPDATE_ROLLBACK_COMPLETE"),
    )
    with pytest.raises(DeploymentError, match="First failure: Environment: its health is red"):
        deploy("WORKERS=4", with_code=False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ROLLBACK_COMPLETE", "make destroy NAME=duck"),
        ("DELETE_FAILED", "make destroy NAME=duck"),
        ("UPDATE_IN_PROGRESS", "wait for it"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ],
)
def test_a_stuck_stack_is_not_touched(
    amazon: Amazon, deploy: Callable[..., None], status: str, words: str
) -> None:
    amazon.has_stack(status)
    with pytest.raises(DeploymentError, match=words):
        deploy()


def test_results_are_not_left_behind(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_stack()
    with pytest.raises(DeploymentError, match="another NAME"):
        deploy("DATABASE=sqlite")


def test_somebody_has_to_be_told(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_no_stack()
    with pytest.raises(DeploymentError, match="EMAIL="):
        deploy()


def test_sqlite_needs_an_encrypted_volume(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_no_stack()
    answer = {"EbsEncryptionByDefault": False}
    amazon.answers("ec2", "get_ebs_encryption_by_default", answer)
    with pytest.raises(DeploymentError, match="enable-ebs-encryption-by-default --region eu-cent"):
        deploy("EMAIL=me@duck.example", "VARIANT=single", "DATABASE=sqlite")


def test_without_a_valid_authority_of_postgresql_nothing_is_deployed(
    amazon: Amazon, deploy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(region: str) -> None:
        raise DeploymentError(f"expired in {region}")

    monkeypatch.setattr(certificates, "check", expired)
    amazon.has_stack()
    with pytest.raises(DeploymentError, match="expired in eu-central-1"):
        deploy()


def test_a_protected_site_is_not_destroyed(amazon: Amazon, destroy: Callable[[str], None]) -> None:
    amazon.has_stack(DeletionProtection="yes")
    with pytest.raises(DeploymentError, match="DELETION_PROTECTION=no"):
        destroy("duck")


def test_a_region_without_a_default_network(amazon: Amazon, deploy: Callable[..., None]) -> None:
    amazon.has_no_stack()
    amazon.answers("ec2", "describe_vpcs", {"Vpcs": []})
    with pytest.raises(DeploymentError, match="VPC=vpc-"):
        deploy(*FIRST)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["DOMIAN=duck.example"], "did you mean DOMAIN"),
        (["duck"], "write NAME=value"),
        (["NAME=Duck!"], "NAME=Duck! is not valid"),
        (["NAME=my-aws", "SIGN_IN=cognito"], "it may not contain “aws”"),
        (["REGION=Frankfurt"], "REGION=Frankfurt is not valid"),
        (["VERSION=latest"], "VERSION=latest is not valid"),
    ],
)
def test_what_is_misspelt_is_not_done(arguments: list[str], words: str) -> None:
    with pytest.raises(DeploymentError, match=words):
        options.parse(arguments)


def test_every_region_that_botocore_knows_is_taken() -> None:
    session = boto3.Session()
    regions = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    }
    special = {"us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"}
    assert special <= regions
    for region in special | set(sorted(regions)[::9]):
        assert options.parse([f"REGION={region}"]).region == region


def test_makes_own_variables_are_none_of_ours() -> None:
    assert options.parse(["PYTHON=python3.13", "NAME=pond"]) == options.Options("pond")


def test_events_are_answered_by_the_workers_unless_told_otherwise() -> None:
    for given, events in (("1", "workers"), ("workers", "workers"), ("lambda", "lambda")):
        assert options.parse([f"EVENTS={given}"]).parameters == {"Events": events}


@pytest.mark.parametrize("arguments", [["VARIANT=single"], ["VERSION=0123456789ab"]])
def test_a_variant_needs_its_bundle(
    amazon: Amazon, deploy: Callable[..., None], arguments: list[str]
) -> None:
    amazon.has_stack()
    with pytest.raises(DeploymentError, match="need `make deploy`"):
        deploy(*arguments, with_code=False)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "allow DescribeStacks to"),
        ("ExpiredToken", "renew them"),
        ("Throttling", "AWS refused DescribeStacks"),
    ],
)
def test_what_aws_refuses_is_told_in_words(
    amazon: Amazon, deploy: Callable[..., None], code: str, words: str
) -> None:
    amazon.refuses("cloudformation", "describe_stacks", code)
    with pytest.raises(DeploymentError, match=words):
        deploy()


def test_without_credentials() -> None:
    with pytest.raises(SystemExit, match="No AWS credentials found"):
        deployment.main(["deploy"])


@pytest.fixture
def destroy(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def destroy(typed: str) -> None:
        monkeypatch.setattr("builtins.input", lambda _: typed)
        deletion.destroy(options.parse([]), Account("eu-central-1", amazon))

    return destroy


def test_destroying_says_before_what_goes_and_what_stays(
    amazon: Amazon, destroy: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    amazon.has_stack()
    with pytest.raises(DeploymentError, match="Nothing was deleted"):
        destroy("yes")
    output = capsys.readouterr().out
    assert "PostgreSQL, after a final snapshot" in output
    assert "the visitors' pictures, each until it is 30 days old" in output
    assert "aws s3 rb --force s3://duck-pictures-1" in output


def test_destroying(
    amazon: Amazon, destroy: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    amazon.has_stack(Database="sqlite")
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.answers("cloudformation", "delete_stack", {}, StackName=ID)
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "DELETE_COMPLETE"))
    destroy("duck")
    output = capsys.readouterr().out
    assert "ALL RESULTS" in output
    assert "The site is deleted." in output


def test_a_site_whose_models_run_is_not_deleted(
    amazon: Amazon, destroy: Callable[[str], None]
) -> None:
    amazon.has_stack(CustomLabels="yes")
    amazon.has_models("STOPPED", "RUNNING", "STARTING", "TRAINING_IN_PROGRESS", "STOPPING")
    with pytest.raises(DeploymentError) as refused:
        destroy("duck")
    stop = "aws rekognition stop-project-version --region eu-central-1 --project-version-arn"
    running = "arn:aws:rekognition:eu-central-1:123456789012:project/duck-mugs/version/v2/1"
    assert re.findall(r"^- (.+?);", str(refused.value), re.M) == [
        "duck-mugs v2: RUNNING",
        "duck-mugs v3: STARTING",
        "duck-mugs v4: TRAINING_IN_PROGRESS",
    ]
    assert f"{stop} {running}\n" in str(refused.value)
    assert "nothing can end a training" in str(refused.value)


def test_a_model_that_starts_while_its_site_is_deleted_is_named(
    amazon: Amazon, destroy: Callable[[str], None]
) -> None:
    amazon.has_stack(CustomLabels="yes")
    amazon.has_models("STOPPED")
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.answers("cloudformation", "delete_stack", {}, StackName=ID)
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "DELETE_COMPLETE"))
    amazon.has_models("RUNNING")
    with pytest.raises(DeploymentError, match=r"(?s)started meanwhile.+duck-mugs v1: RUNNING"):
        destroy("duck")


def test_models_of_another_site_of_the_account_do_not_matter(
    amazon: Amazon, destroy: Callable[[str], None]
) -> None:
    amazon.has_stack(CustomLabels="yes")
    amazon.has_models("RUNNING", bucket="pictures-of-another-site")
    with pytest.raises(DeploymentError, match="Nothing was deleted"):
        destroy("no")


def test_custom_labels_are_not_switched_off_while_a_model_runs(
    amazon: Amazon, deploy: Callable[..., None]
) -> None:
    amazon.has_stack(CustomLabels="yes")
    amazon.has_models("RUNNING")
    with pytest.raises(DeploymentError, match="duck-mugs v1: RUNNING"):
        deploy("CUSTOM_LABELS=no", with_code=False)
    amazon.has_stack(CustomLabels="yes")
    amazon.has_models("STOPPED")
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"))
    amazon.is_updated_with(*given(CustomLabels="no"), *unchanged(*THERE))
    amazon.add_stack_events(("duck", "CREATE_COMPLETE"), ("duck", "UPDATE_COMPLETE"))
    amazon.has_stack("UPDATE_COMPLETE", CustomLabels="no")
    amazon.has_models("STOPPED")
    deploy("CUSTOM_LABELS=no", with_code=False)


def test_nobody_there_to_type_the_name(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    amazon.has_stack()
    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.setattr(deletion, "Account", lambda region: Account(region, amazon))
    with pytest.raises(SystemExit, match="nothing was deleted"):
        deletion.main([])


DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()


def test_every_choice_is_described() -> None:
    table = re.findall(r"^\| (`.+?`) \|", DOCUMENT, re.M)
    described = {name for row in table for name in re.findall(r"`([A-Z_]+)`", row)}
    assert described == {*options.BASE_OPTIONS, *options.PARAMETERS}


@pytest.mark.parametrize("line", re.findall(r"^ *(make \w+ .+)$", DOCUMENT, re.M))
def test_the_described_commands_are_understood(line: str) -> None:
    _, target, *arguments = line.split()
    assert target in ("deploy", "settings", "destroy")
    assert options.parse(arguments).name == "duck"


def test_every_choice_is_a_parameter_and_the_other_way_round() -> None:
    ours = {"BundleBucket", "BundleKey", "Prefix"}
    assert {*options.PARAMETERS.values(), *ours} == read(stack.TEMPLATE)["Parameters"].keys()
