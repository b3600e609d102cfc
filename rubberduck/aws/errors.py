"""AWS error codes, and what the operator can do about each: one table for all services."""

import re
from collections.abc import Mapping
from typing import Any

# Advice and its codes: those of request signing, S3, Rekognition and the services that a deployment
# calls, as their API references list them. A HEAD request is answered by its status alone.
_CODES_BY_ADVICE = {
    "allow {permission} to the user or role that makes this request": (
        "403 AccessDenied AccessDeniedException UnauthorizedOperation NotAuthorized"
    ),
    "the AWS credentials have expired: renew them": "ExpiredToken ExpiredTokenException",
    "the AWS credentials are not valid: renew them": (
        "InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException AuthFailure"
    ),
    "the AWS secret key or this machine's clock is wrong": (
        "SignatureDoesNotMatch InvalidSignatureException"
    ),
    "this machine's clock is wrong: set it by NTP": "RequestTimeTooSkewed RequestExpired",
    "enable {service} for this AWS account": (
        "SubscriptionRequiredException OptInRequired AllAccessDisabled NotSignedUp"
    ),
    "the request rate exceeds this account's quota; if it lasts, have the quota raised": (
        "SlowDown Throttling ThrottlingException RequestLimitExceeded LimitExceededException "
        "ProvisionedThroughputExceededException"
    ),
    "a fault of AWS; it passes": (
        "InternalError InternalServerError ServiceUnavailable ServiceUnavailableException"
    ),
    "the bucket does not exist: create it, or set DUCK_BUCKET": "404 NoSuchBucket",
    "the bucket lies in {region}: set DUCK_REGION to it": (
        "301 PermanentRedirect AuthorizationHeaderMalformed"
    ),
    "the KMS key must exist, be enabled and be in the bucket's region: check DUCK_KMS_KEY": (
        "KMS.NotFoundException KMS.DisabledException KMS.KMSInvalidStateException"
    ),
    "the model does not exist in this region: check DUCK_REGION": "ResourceNotFoundException",
    "the model is stopped: start it": "ResourceNotReadyException",
    "it is being changed, or something of this name exists already: wait, or choose another name": (
        "ResourceInUseException ResourceAlreadyExistsException ConflictException"
    ),
    "a quota of this AWS account is used up: delete something, or have the quota raised": (
        "ServiceQuotaExceededException"
    ),
    "the picture does not exist in the bucket, or may not be read": "InvalidS3ObjectException",
    "Rekognition takes JPEG and PNG only": "InvalidImageFormatException",
    "the picture has more bytes or pixels than Rekognition takes": "ImageTooLargeException",
    "the request is wrong, or the picture's sides are too short or too long": (
        "InvalidParameterException"
    ),
}
ADVICE = {code: advice for advice, codes in _CODES_BY_ADVICE.items() for code in codes.split()}
# IAM names the missing permission, which is not always that of the call, such as kms:Decrypt.
_DENIED_PERMISSION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


def explain(response: Mapping[str, Any], *, service: str, permission: str) -> str:
    """Return the error code of a ClientError's `response`, and what to do about it.

    `permission` is what the call needs. An unknown code keeps the message of AWS.
    """
    code, message = response["Error"]["Code"], response["Error"].get("Message", "")
    headers = response["ResponseMetadata"].get("HTTPHeaders", {})
    denied = _DENIED_PERMISSION.search(message)
    advice = ADVICE.get(code, "{message}").format(
        service=service,
        permission=denied[1] if denied else permission,
        region=headers.get("x-amz-bucket-region", "another region"),
        message=message,
    )
    return f"{code}: {advice}"
