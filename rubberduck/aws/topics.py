"""Topics of Amazon SNS, to which notices are published."""

from typing import Any

from rubberduck.aws.errors import explain

SERVICE = "Amazon SNS"


class Topic:
    """A topic, on a boto3 client of its region."""

    def __init__(self, client: Any, arn: str) -> None:
        self.client = client
        self.arn = arn

    def publish(self, message: str) -> str | None:
        """Send a message to all subscribers. Return None, or why it could not be sent."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.publish(TopicArn=self.arn, Message=message)
        except ClientError as error:
            return explain(error.response, service=SERVICE, permission="sns:Publish")
        except BotoCoreError as error:
            return f"{SERVICE} gave no answer: {error}"
        return None


def region_of(arn: str) -> str:
    """Return the region in a topic's ARN.

    >>> region_of("arn:aws:sns:eu-central-1:123456789012:videos")
    'eu-central-1'
    """
    return arn.split(":")[3]
