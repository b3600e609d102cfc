"""Start a model of Custom Labels, and wait until it runs."""

import boto3

PROJECT_ARN = "arn:aws:rekognition:eu-central-1:111122223333:project/mugs/1700000000000"
MODEL_ARN = "arn:aws:rekognition:eu-central-1:111122223333:project/mugs/version/v1/1700000000001"
VERSION_NAME = "v1"
INFERENCE_UNITS = 1


def start_model() -> None:
    client = boto3.client("rekognition")
    print("Starting model: " + MODEL_ARN)
    client.start_project_version(ProjectVersionArn=MODEL_ARN, MinInferenceUnits=INFERENCE_UNITS)
    waiter = client.get_waiter("project_version_running")
    waiter.wait(ProjectArn=PROJECT_ARN, VersionNames=[VERSION_NAME])
    described = client.describe_project_versions(
        ProjectArn=PROJECT_ARN, VersionNames=[VERSION_NAME]
    )
    for model in described["ProjectVersionDescriptions"]:
        print("Status: " + model["Status"])
        print("Message: " + model["StatusMessage"])
    print("Done...")


if __name__ == "__main__":
    start_model()
