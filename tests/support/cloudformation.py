"""The template as CloudFormation reads it: with parameters given, its conditions decided."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load

from rubberduck.core.settings import ROOT

TEMPLATE = ROOT / "deploy" / "template.yaml"
GIVEN = {
    "Email": "operator@duck.example",
    "Vpc": "vpc-1",
    "Subnets": ["subnet-1", "subnet-2"],
    "Platform": "arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.14/1.0.0",
    "Prefix": "duck-12345678",
    "BundleBucket": "elasticbeanstalk-eu-central-1-1",
    "BundleKey": "duck/0123456789ab.zip",
    "RateStore.PrimaryEndPoint.Port": "6379",
    "Postgres.Endpoint.Port": "5432",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
BALANCED = {"Domain": "duck.example", "HostedZone": "Z1"}
SINGLE = {"Variant": "single", "Database": "sqlite"}
NO_VALUE = object()


@cache
def read(file: Path) -> Any:
    """CloudFormation's kind of YAML, and Elastic Beanstalk's."""
    return load(str(file))


class Made:
    """What becomes of the template with these parameters."""

    def __init__(self, **parameters: Any) -> None:
        self._template = read(TEMPLATE)
        defaults = {
            name: each["Default"]
            for name, each in self._template["Parameters"].items()
            if "Default" in each
        }
        self._values = {**defaults, **GIVEN, **parameters}

    @property
    def resources(self) -> dict[str, Any]:
        return {
            name: self._value(each)
            for name, each in self._template["Resources"].items()
            if "Condition" not in each or self._is(each["Condition"])
        }

    @property
    def outputs(self) -> dict[str, str]:
        return {
            name: self._value(each["Value"]) for name, each in self._template["Outputs"].items()
        }

    def options(self) -> dict[tuple[str, str], str]:
        settings = self.resources["Environment"]["Properties"]["OptionSettings"]
        return {(each["Namespace"], each["OptionName"]): str(each["Value"]) for each in settings}

    def complaints(self) -> list[str]:
        """What the template's rules say against these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self._template["Rules"].values()
            if self._true(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._true(assertion["Assert"])
        ]

    def _is(self, condition: str) -> bool:
        return self._true(self._template["Conditions"][condition])

    def _true(self, test: Any) -> bool:
        ((name, arguments),) = test.items()
        if name == "Condition":
            return self._is(arguments)
        if name == "Fn::Not":
            return not self._true(arguments[0])
        if name == "Fn::And":
            return all(self._true(each) for each in arguments)
        if name == "Fn::Or":
            return any(self._true(each) for each in arguments)
        assert name == "Fn::Equals"
        one, other = (self._value(each) for each in arguments)
        return bool(one == other)

    def _value(self, node: Any) -> Any:
        if isinstance(node, list):
            items = [self._value(each) for each in node]
            return [each for each in items if each is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        name, argument = next(iter(node.items()))
        if name == "Ref" or name.startswith("Fn::"):
            return self._decided(name, argument)
        values = {key: self._value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _decided(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._ref(argument)
        if name == "Fn::GetAtt":
            return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
        if name == "Fn::If":
            return self._value(argument[1 if self._is(argument[0]) else 2])
        if name == "Fn::Join":
            return argument[0].join(self._value(argument[1]))
        if name == "Fn::FindInMap":
            return self._template["Mappings"][argument[0]][self._value(argument[1])][argument[2]]
        assert name == "Fn::Sub"
        return self._sub(argument)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._values.get(name, f"<{name}>")

    def _sub(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument
        local = {name: self._value(value) for name, value in local.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda m: str(local.get(m[1]) or self._ref(m[1])), text)


def allowed_actions(statements: Iterable[Any]) -> set[str]:
    """Return the actions that these statements of a policy allow."""
    listed = (each["Action"] for each in statements)
    return {one for each in listed for one in ([each] if isinstance(each, str) else each)}


def site_statements() -> list[Any]:
    """Return the statements of the machine's policy for the site itself."""
    return _statements("site", Made(**BALANCED))


def custom_labels_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with CUSTOM_LABELS=yes."""
    return _statements("custom-labels", Made(**BALANCED, CustomLabels="yes"))


def video_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with VIDEO=yes."""
    return _statements("video", Made(**BALANCED, Video="yes"))


def celebrities_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with CELEBRITIES=yes."""
    return _statements("celebrities", Made(**BALANCED, Celebrities="yes"))


def faces_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with FACES=on."""
    return _statements("faces", Made(**BALANCED, Faces="on"))


def face_collections_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with FACE_COLLECTIONS=yes."""
    return _statements("face-collections", Made(**BALANCED, FaceCollections="yes"))


def events_statements() -> list[Any]:
    """Return the statements of the policy that the machine gets with EVENTS=workers."""
    return _statements("events", Made(**BALANCED, Events="workers"))


def _statements(policy: str, made: Made) -> list[Any]:
    policies = made.resources["MachineRole"]["Properties"]["Policies"]
    (named,) = [each for each in policies if each["PolicyName"] == policy]
    return list(named["PolicyDocument"]["Statement"])
