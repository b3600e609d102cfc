"""Clients of AWS's services, with the time-outs and retries that the site allows."""

import os
from io import BytesIO
from typing import Any, Literal

from rubberduck.core.settings import InvalidSettings, Settings

CONNECTIONS = 32


def aws_client(
    settings: Settings,
    service: Literal["s3", "rekognition", "scheduler", "sns", "sqs"],
    attempts: int,
    **more: Any,
) -> Any:
    # Imported late: without a bucket the site starts without boto3.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, UnknownRegionError

    options: dict[str, Any] = {
        "region_name": settings.region,
        "connect_timeout": 2,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "max_pool_connections": CONNECTIONS,
        # Without it, botocore builds the header twice for each request, a twelfth of its CPU time.
        # It appends its own name and version to this.
        "user_agent": f"Boto3/{boto3.__version__} rubberduck",
    }
    config = Config(**options | more)
    try:
        session = boto3.Session()
        session.get_partition_for_region(settings.region)
        return session.client(service, config=config)
    except UnknownRegionError:
        raise InvalidSettings(
            f"DUCK_REGION is wrong: AWS has no region {settings.region}. "
            "It must be the region of the bucket and of Rekognition."
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise InvalidSettings(
            f"AWS's own settings are wrong ({type(error).__name__}): look at AWS_PROFILE, "
            "AWS_CONFIG_FILE, and any AWS_ENDPOINT_URL."
        ) from None


def s3_client(settings: Settings) -> Any:
    # The regional address: the global one redirects, which breaks signed links. Other servers, such
    # as those of tests, may not support bucket host names.
    is_amazon = not (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    style = {"addressing_style": "virtual" if is_amazon else "path"}
    # "s3v4" is S3's name for signature version 4. Two attempts: a visitor waits, and there is no
    # fallback. Rekognition gets three.
    client = aws_client(settings, "s3", 2, signature_version="s3v4", s3=style)
    client.meta.events.register_last("before-call.s3.PutObject", _send_at_once)
    return client


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Send a body that is in memory without waiting until S3 asks for it ("100 Continue").

    botocore wraps bytes into a file, and waits with any file. A picture is small: to wait costs a
    round trip, and a sixth of the request's CPU time.
    """
    if isinstance(params["body"], BytesIO):
        params["body"] = params["body"].getvalue()
        params["headers"].pop("Expect", None)
