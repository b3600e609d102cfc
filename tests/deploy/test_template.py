"""The template and .ebextensions/: what AWS would make of them, as far as can be told from here."""

import json
import re
import tomllib
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from flask import Flask, url_for

from rubberduck.core.settings import PREFIX, ROOT, Settings
from rubberduck.core.settings_loading import load_settings
from rubberduck.pages.sign_in import sign_in
from rubberduck.storage.base import SWEPT_PREFIXES
from rubberduck.videos.keys import PREFIX as VIDEOS
from tests.support.cloudformation import (
    BALANCED,
    SINGLE,
    TEMPLATE,
    Made,
    allowed_actions,
    celebrities_statements,
    custom_labels_statements,
    events_statements,
    face_collections_statements,
    faces_statements,
    read,
    site_statements,
    video_statements,
)

OPTIONS: dict[str, list[str]] = tomllib.loads(
    (ROOT / "tests" / "support" / "beanstalk_options.toml").read_text()
)
EXTENSIONS = sorted((ROOT / ".ebextensions").glob("*.config"))
VARIANTS = {
    "balanced": BALANCED,
    "with all": {
        **BALANCED,
        "Redis": "yes",
        "SignIn": "cognito",
        "Engine": "local",
        "CustomLabels": "yes",
        "Video": "yes",
        "Celebrities": "yes",
        "Faces": "all",
        "FaceCollections": "yes",
        "Events": "workers",
    },
    "with a function": {**BALANCED, "Events": "lambda", "FunctionImage": "1.dkr/duck:1"},
    "own certificate": {"Domain": "duck.example", "Certificate": "arn:aws:acm:eu-central-1:1:c"},
    "single": SINGLE,
    "single with PostgreSQL": {"Variant": "single"},
}


@pytest.fixture(params=VARIANTS)
def made(request: pytest.FixtureRequest) -> Made:
    return Made(**VARIANTS[request.param])


@pytest.fixture
def balanced() -> Made:
    return Made(**BALANCED)


@pytest.fixture
def bucket(balanced: Made) -> Any:
    return balanced.resources["Pictures"]["Properties"]


def extension_options() -> dict[tuple[str, str], str]:
    return {
        (namespace, option): str(value)
        for file in EXTENSIONS
        for namespace, options in read(file).get("option_settings", {}).items()
        for option, value in options.items()
    }


def known(option: tuple[str, str]) -> bool:
    namespace, name = option
    settings = {PREFIX + each.upper() for each in Settings.model_fields}
    is_setting = namespace.startswith("aws:elasticbeanstalk:application:") and name in settings
    return is_setting or name in OPTIONS[namespace]


def test_cfn_lint_has_no_complaints() -> None:
    found = lint(TEMPLATE.read_text(), config=ManualArgs(regions=["eu-central-1", "us-east-1"]))
    assert [str(each) for each in found] == []


def test_every_option_is_one_of_elastic_beanstalks(made: Made) -> None:
    assert [option for option in made.options() if not known(option)] == []
    assert len(made.options()) > 20


def test_every_option_in_the_bundle_is_too() -> None:
    assert [option for option in extension_options() if not known(option)] == []
    assert len(extension_options()) > 20


def test_no_option_is_given_twice(made: Made) -> None:
    settings = made.resources["Environment"]["Properties"]["OptionSettings"]
    assert len(settings) == len(made.options())
    assert made.options().keys() & extension_options().keys() == set()


def test_the_site_takes_these_settings(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    for (namespace, name), value in made.options().items():
        if namespace == "aws:elasticbeanstalk:application:environment":
            given = value.replace("<StopModelsRole.Arn>", "arn:aws:iam::123456789012:role/stop")
            role = "arn:aws:iam::123456789012:role/notices"
            given = given.replace("<VideoNoticesRole.Arn>", role)
            given = given.replace("<VideoTopic>", "arn:aws:sns:eu-central-1:123456789012:videos")
            given = re.sub(
                r"<\w*(Event|Video)Queue>", "https://sqs.eu-central-1.amazonaws.com/1/q", given
            )
            given = given.replace("<AWS::AccountId>", "123456789012")
            monkeypatch.setenv(name, re.sub(r"<[\w.]+Port>", "6379", given))
    monkeypatch.setenv("DUCK_BUCKET", "made-by-the-stack")
    settings = load_settings()
    assert settings.region == "eu-central-1"
    assert settings.hosts


def test_health_is_described_in_json() -> None:
    document = extension_options()["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"]
    metrics = json.loads(document)["CloudWatchMetrics"]["Environment"]
    alarms = {
        each["Properties"]["MetricName"]
        for each in Made(**BALANCED).resources.values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
        and each["Properties"]["Namespace"] == "AWS/ElasticBeanstalk"
    }
    assert alarms - {"EnvironmentHealth"} <= metrics.keys()  # that one is told anyway


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({**BALANCED, "Database": "sqlite"}, "needs PostgreSQL"),
        ({}, "needs a domain"),
        ({"Domain": "duck.example"}, "needs a certificate"),
        ({**SINGLE, "SignIn": "cognito"}, "needs HTTPS"),
        ({**BALANCED, "CustomLabels": "yes"}, "set SIGN_IN=cognito"),
        ({**BALANCED, "Video": "yes"}, "set SIGN_IN=cognito"),
        ({**BALANCED, "Faces": "on", "FaceCollections": "yes"}, "set SIGN_IN=cognito"),
        ({**SINGLE, "CustomLabels": "yes"}, "needs VARIANT=load-balanced"),
    ],
)
def test_what_cannot_work_is_refused(parameters: dict[str, Any], complaint: str) -> None:
    assert complaint in " ".join(Made(**parameters).complaints())


def test_what_can_work_is_not_refused(made: Made) -> None:
    assert made.complaints() == []


# ---- the bucket


def test_nobody_else_sees_the_pictures(bucket: Any) -> None:
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    code = [*ROOT.glob("*.py"), *(ROOT / "rubberduck").rglob("*.py"), *(ROOT / "deploy").glob("*")]
    assert [file.name for file in code if file.is_file() and "ACL=" in file.read_text()] == []


def test_pictures_travel_by_tls_only(balanced: Made) -> None:
    policy = balanced.resources["PicturesByTlsOnly"]["Properties"]
    assert policy["Bucket"] == "<Pictures>"
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["<Pictures.Arn>", "<Pictures.Arn>/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_pictures_expire_when_the_site_says_so() -> None:
    made = Made(**BALANCED, KeepDays=7)
    rules = made.resources["Pictures"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    # Nothing but visitors' pictures and videos expires: not projects/, models/ or out/.
    expired = [rule for rule in rules if any("Expiration" in name for name in rule)]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in expired} == {
        "uploads/": 7,
        "marked/": 7,
        "videos/": 7,
    }
    assert {rule["Prefix"] for rule in expired} <= {*SWEPT_PREFIXES, VIDEOS}
    (incomplete,) = [rule for rule in rules if rule not in expired]
    assert incomplete["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    options = made.options()
    assert options["aws:elasticbeanstalk:application:environment", "DUCK_KEEP_DAYS"] == "7"


def test_the_site_is_limited_only_if_a_limit_is_given() -> None:
    space = "aws:elasticbeanstalk:application:environment"
    options = Made(**BALANCED).options()
    assert options[space, "DUCK_VISITOR_BYTES"] == "1000000000"
    assert (space, "DUCK_SITE_BYTES") not in options
    options = Made(**BALANCED, SiteBytes="5000000000", VisitorBytes=2_000_000).options()
    assert options[space, "DUCK_VISITOR_BYTES"] == "2000000"
    assert options[space, "DUCK_SITE_BYTES"] == "5000000000"


def test_what_a_visitor_deletes_is_gone(bucket: Any) -> None:
    assert "VersioningConfiguration" not in bucket


def test_pictures_and_results_do_not_go_by_the_way() -> None:
    template = read(TEMPLATE)["Resources"]
    assert template["Pictures"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Postgres"]["DeletionPolicy"] == "Snapshot"
    assert template["Postgres"]["UpdateReplacePolicy"] == "Snapshot"


def test_a_stop_that_is_scheduled_works_also_without_the_site() -> None:
    role = read(TEMPLATE)["Resources"]["StopModelsRole"]
    assert role["DeletionPolicy"] == "RetainExceptOnCreate"


# ---- who may do what


def test_the_site_may_touch_its_own_bucket_only() -> None:
    for statement in site_statements():
        resource = statement["Resource"]
        if resource == "*":
            assert statement["Action"] == "rekognition:DetectLabels"  # it has no resources
        else:
            assert resource.startswith("<Pictures.Arn>")


def test_only_secrets_of_its_own_are_read(balanced: Made) -> None:
    policies = balanced.resources["MachineRole"]["Properties"]["Policies"]
    (secrets,) = [each for each in policies if each["PolicyName"] == "secrets"]
    (statement,) = secrets["PolicyDocument"]["Statement"]
    assert statement["Action"] == "secretsmanager:GetSecretValue"
    assert statement["Resource"] == ["<SecretKey>", "<DatabaseUrl>"]


def documented_permissions() -> dict[str, set[str]]:
    """Read the table of docs/aws.md: setting that needs them ("" for none) to permissions.

    A row names a service once: "`s3:GetObject`, `PutObject`".
    """
    text = (ROOT / "docs" / "aws.md").read_text()
    named: dict[str, set[str]] = {}
    setting = ""
    for actions, reason in re.findall(r"^\| (`\w+:.+?) \|.*?\| ([^|]*) \|$", text, re.M):
        if reason != "the same":
            (setting,) = re.findall(r"^with `(\w+)`", reason) or [""]
        service = re.findall(r"`(\w+):", actions)[0]
        for name in re.findall(r"`([^`]+)`", actions):
            full = name if ":" in name else f"{service}:{name}"
            named.setdefault(setting, set()).add(full)
    return named


def test_the_documentation_names_the_same_permissions() -> None:
    named = documented_permissions()
    assert named.pop("") == allowed_actions(site_statements())
    del named["DUCK_KMS_KEY"]  # the template's bucket has no key of its own
    assert named.pop("DUCK_EVENTS_QUEUE") == allowed_actions(events_statements())
    for_videos = named.pop("DUCK_REKOGNITION_VIDEO") | named.pop("DUCK_VIDEO_QUEUE")
    assert for_videos == allowed_actions(video_statements())
    faces = named.pop("DUCK_FACE_COLLECTIONS")
    assert faces == allowed_actions(face_collections_statements())
    assert named.pop("DUCK_CELEBRITIES") == allowed_actions(celebrities_statements())
    assert named.pop("DUCK_FACES") == allowed_actions(faces_statements())
    assert named.keys() == {"DUCK_CUSTOM_LABELS", "DUCK_SCHEDULER_ROLE"}
    assert set.union(*named.values()) == allowed_actions(custom_labels_statements())


def test_who_answers_arriving_pictures_may_do_nothing_else() -> None:
    made = Made(**BALANCED, Events="lambda", FunctionImage="1.dkr/duck:1")
    (policy,) = made.resources["FunctionRole"]["Properties"]["Policies"]
    for statements in (events_statements(), policy["PolicyDocument"]["Statement"]):
        for statement in statements:
            assert "*" not in statement["Resource"].removesuffix("/*")
            if "s3:PutObject" in statement["Action"]:
                assert statement["Resource"].endswith("/out/*")
    # The bucket tells of what arrives, and not of the answers.
    bucket = made.resources["Arrivals"]["Properties"]
    (told,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Event"] == "s3:ObjectCreated:*"
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "in/"}]
    places = made.resources["Function"]["Properties"]["Environment"]["Variables"]
    assert places["DUCK_EVENTS_INPUT"] == f"s3://{bucket['BucketName']}/in/"
    assert places["DUCK_EVENTS_OUTPUT"] == f"s3://{bucket['BucketName']}/out/"
    log = made.resources["FunctionLog"]["Properties"]
    assert log["RetentionInDays"] == 30
    mapping = made.resources["FunctionEvents"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = made.resources["EventQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * made.resources["Function"]["Properties"]["Timeout"]


def test_no_door_is_open_to_the_world(made: Made) -> None:
    assert "0.0.0.0/0" not in json.dumps(made.resources)
    assert "::/0" not in json.dumps(made.resources)


def test_no_secret_stands_in_the_open(made: Made) -> None:
    """Secrets Manager makes them; Elastic Beanstalk and RDS are told where they lie."""
    space = "aws:elasticbeanstalk:application:environmentsecrets"
    assert made.options()[space, "DUCK_SECRET_KEY"] == "<SecretKey>"
    if "Postgres" in made.resources:
        assert made.options()[space, "DUCK_DATABASE_URL"] == "<DatabaseUrl>"
    for name in ("SecretKey", "DatabasePassword"):
        if name in made.resources:
            assert "SecretString" not in made.resources[name]["Properties"]


def test_the_database_is_encrypted_and_not_for_everybody(balanced: Made) -> None:
    postgres = balanced.resources["Postgres"]["Properties"]
    assert postgres["StorageEncrypted"] is True
    assert postgres["PubliclyAccessible"] is False
    assert postgres["BackupRetentionPeriod"] >= 7
    assert postgres["MasterUserPassword"].startswith("{{resolve:secretsmanager:<DatabasePassword>")
    url = balanced.resources["DatabaseUrl"]["Properties"]["SecretString"]
    assert url.startswith("postgresql+psycopg://duck:{{resolve:secretsmanager:")
    assert url.endswith("?sslmode=verify-full&sslrootcert=/var/lib/duck/rds-ca.pem")
    assert postgres["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"


def test_redis_is_encrypted_on_its_way() -> None:
    made = Made(**BALANCED, Redis="yes")
    redis = made.resources["RateStore"]["Properties"]
    assert redis["TransitEncryptionEnabled"] is True
    password = "{{resolve:secretsmanager:<RateStorePassword>:SecretString}}"
    assert redis["AuthToken"] == password
    space = "aws:elasticbeanstalk:application:environmentsecrets"
    assert made.options()[space, "DUCK_RATE_STORE"] == "<RateStoreUrl>"
    url = made.resources["RateStoreUrl"]["Properties"]["SecretString"]
    assert url == f"rediss://:{password}@<RateStore.PrimaryEndPoint.Address>:6379"
    policies = made.resources["MachineRole"]["Properties"]["Policies"]
    (secrets,) = [policy for policy in policies if policy["PolicyName"] == "secrets"]
    (statement,) = secrets["PolicyDocument"]["Statement"]
    assert "<RateStoreUrl>" in statement["Resource"]


def test_operators_sign_in_at_a_pool_where_nobody_registers() -> None:
    assert not [name for name in Made(**BALANCED).resources if "UserPool" in name]
    made = Made(**BALANCED, SignIn="cognito")
    pool = made.resources["UserPool"]["Properties"]
    invitation = pool["AdminCreateUserConfig"]
    assert invitation["AllowAdminCreateUserOnly"] is True
    mail = invitation["InviteMessageTemplate"]["EmailMessage"]
    assert "https://duck.example/sign-in" in mail
    assert ("{username}" in mail, "{####}" in mail) == (True, True)  # Cognito requires both
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    client = made.resources["UserPoolClient"]["Properties"]
    assert client["AllowedOAuthFlows"] == ["code"]
    site = Flask("site")
    site.register_blueprint(sign_in)
    with site.test_request_context(base_url="https://duck.example"):
        assert client["CallbackURLs"] == [url_for("sign_in.finish", _external=True)]
    groups = {
        each["Properties"]["GroupName"]
        for each in made.resources.values()
        if each["Type"] == "AWS::Cognito::UserPoolGroup"
    }
    settings = Settings()
    assert groups == {*settings.oidc_operators, *settings.oidc_labellers}
    first = made.resources["FirstOperator"]["Properties"]
    assert (first["Username"], first["DesiredDeliveryMediums"]) == (
        "operator@duck.example",
        ["EMAIL"],
    )
    space = "aws:elasticbeanstalk:application:environmentsecrets"
    assert made.options()[space, "DUCK_OIDC_CLIENT_SECRET"] == "<SignInSecret>"
    policies = made.resources["MachineRole"]["Properties"]["Policies"]
    (secrets,) = [policy for policy in policies if policy["PolicyName"] == "secrets"]
    assert "<SignInSecret>" in secrets["PolicyDocument"]["Statement"][0]["Resource"]


def test_a_machine_writes_nothing_into_the_bundle_bucket_but_logs(balanced: Made) -> None:
    policies = balanced.resources["MachineRole"]["Properties"]["Policies"]
    (beanstalk,) = [policy for policy in policies if policy["PolicyName"] == "elastic-beanstalk"]
    statements = beanstalk["PolicyDocument"]["Statement"]
    writing = [
        one for one in statements if any("s3:Put" in name for name in allowed_actions([one]))
    ]
    bucket = "arn:aws:s3:::elasticbeanstalk-eu-central-1-1"
    assert [one["Resource"] for one in writing] == [f"{bucket}/resources/environments/logs/*"]
    assert not [name for name in allowed_actions(statements) if name in ("s3:*", "*", "s3:Put*")]


@pytest.mark.parametrize(("option", "is_protected"), [("yes", True), ("no", False)])
def test_deletion_protection_is_an_option(option: str, is_protected: bool) -> None:
    postgres = Made(**BALANCED, DeletionProtection=option).resources["Postgres"]["Properties"]
    assert postgres["DeletionProtection"] is is_protected


# ---- the way of a request


@pytest.mark.parametrize(("parameters", "proxies"), [(BALANCED, "2"), (SINGLE, "1")])
def test_every_proxy_is_counted(parameters: dict[str, Any], proxies: str) -> None:
    options = Made(**parameters).options()
    assert options["aws:elasticbeanstalk:application:environment", "DUCK_PROXIES"] == proxies


def test_http_is_sent_on_to_https() -> None:
    extension = read(ROOT / ".ebextensions" / "load-balanced.config")
    listener = extension["Resources"]["AWSEBV2LoadBalancerListener"]["Properties"]
    (action,) = listener["DefaultActions"]
    assert (listener["Port"], action["Type"]) == (80, "redirect")
    redirect = action["RedirectConfig"]
    assert (redirect["Protocol"], redirect["Port"]) == ("HTTPS", "443")
    assert redirect["StatusCode"] == "HTTP_301"
    options = Made(**BALANCED).options()
    assert options["aws:elbv2:listener:443", "Protocol"] == "HTTPS"
    assert "TLS13" in options["aws:elbv2:listener:443", "SSLPolicy"]
    assert options["aws:elbv2:listener:443", "SSLCertificateArns"] == "<OwnCertificate>"


def test_who_is_nearer_to_the_visitor_is_more_patient() -> None:
    nginx = (ROOT / ".platform" / "nginx" / "nginx.conf").read_text()
    seconds = {name: int(n) for name, n in re.findall(r"(\w+_timeout) (\d+)s;", nginx)}
    idle = int(extension_options()["aws:elbv2:loadbalancer", "IdleTimeout"])
    assert seconds["proxy_read_timeout"] < idle < seconds["keepalive_timeout"]


def test_a_lost_machine_would_lose_sqlite_so_it_is_not_replaced_by_plan() -> None:
    managed = ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled")
    assert Made(**SINGLE).options()[managed] == "false"
    assert Made(**BALANCED).options()[managed] == "true"


# ---- who is told


def test_alarms_and_the_budget_reach_the_operator(balanced: Made) -> None:
    resources = balanced.resources
    topic = resources["Alarms"]["Properties"]["Subscription"]
    assert topic == [{"Protocol": "email", "Endpoint": "operator@duck.example"}]
    alarms = [each for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 3
    assert all(each["Properties"]["AlarmActions"] == ["<Alarms>"] for each in alarms)
    for notification in resources["Spending"]["Properties"]["NotificationsWithSubscribers"]:
        assert notification["Subscribers"][0]["Address"] == "operator@duck.example"


def test_the_worker_of_the_jobs_yields_to_the_site() -> None:
    """Elastic Beanstalk makes a systemd unit of each line of the Procfile, by its name."""
    names = [line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()]
    files = read(ROOT / ".ebextensions" / "worker.config")["files"]
    assert "worker" in names
    assert "CPUWeight=10" in files["/etc/systemd/system/worker.service.d/priority.conf"]["content"]
