"""What a deployment finds in the AWS account: its bucket, platforms and network."""

import hashlib
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.errors import DeploymentError

# The newest for which every locked requirement has a wheel.
BRANCH = "Python 3.14 running on 64bit Amazon Linux 2023"


class Account:
    """One region of the account of the credentials."""

    def __init__(self, region: str, session: Any = None) -> None:
        session = session or boto3.Session(region_name=region)
        self.region = region
        self.cloudformation = session.client("cloudformation")
        self.beanstalk = session.client("elasticbeanstalk")
        self._s3 = session.client("s3")
        self._ec2 = session.client("ec2")
        self._sts = session.client("sts")
        self._session = session

    def rekognition(self) -> Any:
        """Return a client that repeats what the service's five calls a second refuse."""
        retries = Config(retries={"mode": "adaptive", "max_attempts": 10})
        return self._session.client("rekognition", config=retries)

    def account_id(self) -> str:
        return str(self._sts.get_caller_identity()["Account"])

    def bundle_bucket(self) -> str:
        """Return Elastic Beanstalk's own bucket of this region; create it if there is none."""
        return str(self.beanstalk.create_storage_location()["S3Bucket"])

    def object_exists(self, bucket: str, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True

    def upload(self, bucket: str, key: str, file: Path) -> None:
        self._s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())

    def cname_prefix(self, name: str) -> str:
        """Return a CNAME prefix that is unique in the region, across all customers."""
        hash = hashlib.sha256(f"{self.account_id()} {self.region} {name}".encode()).hexdigest()
        return f"{name}-{hash[:8]}"

    def newest_platform(self) -> str:
        found = self.beanstalk.list_platform_versions(
            Filters=[
                {"Type": "PlatformBranchName", "Operator": "=", "Values": [BRANCH]},
                {"Type": "PlatformStatus", "Operator": "=", "Values": ["Ready"]},
            ]
        )["PlatformSummaryList"]
        if not found:
            raise DeploymentError(
                f"This region has no platform “{BRANCH}”: choose another REGION, or give a "
                "platform's ARN with PLATFORM=arn:…"
            )
        return str(
            max(found, key=lambda found: _version_tuple(found["PlatformVersion"]))["PlatformArn"]
        )

    def encrypts_volumes(self) -> bool:
        """Return whether EC2 encrypts all new volumes in this region."""
        return bool(self._ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])

    def default_network(self) -> dict[str, str]:
        """Return the default VPC, and its public subnet in each availability zone."""
        default = {"Name": "is-default", "Values": ["true"]}
        found = self._ec2.describe_vpcs(Filters=[default])["Vpcs"]
        if not found:
            raise DeploymentError(
                "This region has no default VPC. Create one (aws ec2 create-default-vpc), or give "
                "yours: VPC=vpc-… SUBNETS=subnet-…,subnet-… (public, in two availability zones)."
            )
        vpc = str(found[0]["VpcId"])
        within = [
            {"Name": "vpc-id", "Values": [vpc]},
            {"Name": "default-for-az", "Values": ["true"]},
        ]
        subnets = self._ec2.describe_subnets(Filters=within)["Subnets"]
        return {"Vpc": vpc, "Subnets": ",".join(sorted(subnet["SubnetId"] for subnet in subnets))}


def _version_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
