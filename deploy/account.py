"""What the AWS account has already, and the deployment needs."""

import hashlib
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.words import CannotDeploy

# The newest; every locked requirement has a wheel for it.
BRANCH = "Python 3.14 running on 64bit Amazon Linux 2023"


class Account:
    """One region of the account that the credentials belong to."""

    def __init__(self, region: str, session: Any = None) -> None:
        session = session or boto3.Session(region_name=region)
        self.region = region
        self.stacks = session.client("cloudformation")
        self.beanstalk = session.client("elasticbeanstalk")
        self._s3 = session.client("s3")
        self._ec2 = session.client("ec2")
        self._sts = session.client("sts")

    def number(self) -> str:
        return str(self._sts.get_caller_identity()["Account"])

    def bundle_bucket(self) -> str:
        """Elastic Beanstalk's own bucket of this region; it makes one, if there is none."""
        return str(self.beanstalk.create_storage_location()["S3Bucket"])

    def has(self, bucket: str, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True

    def upload(self, bucket: str, key: str, file: Path) -> None:
        self._s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())

    def prefix(self, name: str) -> str:
        """All customers of a region share these names; the hash keeps them apart."""
        hash = hashlib.sha256(f"{self.number()} {self.region} {name}".encode()).hexdigest()
        return f"{name}-{hash[:8]}"

    def newest_platform(self) -> str:
        found = self.beanstalk.list_platform_versions(
            Filters=[
                {"Type": "PlatformBranchName", "Operator": "=", "Values": [BRANCH]},
                {"Type": "PlatformStatus", "Operator": "=", "Values": ["Ready"]},
            ]
        )["PlatformSummaryList"]
        if not found:
            raise CannotDeploy(
                f"This region has no platform “{BRANCH}”: choose another REGION, or name a "
                "platform's ARN with PLATFORM=arn:…"
            )
        return str(max(found, key=lambda each: _numbers(each["PlatformVersion"]))["PlatformArn"])

    def network(self) -> dict[str, str]:
        """The default network, and one public subnet of it in each zone."""
        default = {"Name": "is-default", "Values": ["true"]}
        found = self._ec2.describe_vpcs(Filters=[default])["Vpcs"]
        if not found:
            raise CannotDeploy(
                "This region has no default network. Make one (aws ec2 create-default-vpc), or "
                "name yours: VPC=vpc-… SUBNETS=subnet-…,subnet-… (public, in two zones)."
            )
        vpc = str(found[0]["VpcId"])
        within = [
            {"Name": "vpc-id", "Values": [vpc]},
            {"Name": "default-for-az", "Values": ["true"]},
        ]
        subnets = self._ec2.describe_subnets(Filters=within)["Subnets"]
        return {"Vpc": vpc, "Subnets": ",".join(sorted(each["SubnetId"] for each in subnets))}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
