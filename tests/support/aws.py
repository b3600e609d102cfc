"""The bucket and the region that the tests use at the local S3."""

from typing import Literal

BUCKET = "ducks-of-the-tests"
REGION: Literal["eu-central-1"] = "eu-central-1"
