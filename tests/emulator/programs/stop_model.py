"""Stop a model of Custom Labels, which costs by the hour."""

import boto3

MODEL_ARN = "arn:aws:rekognition:eu-central-1:111122223333:project/mugs/version/v1/1700000000001"


def stop_model() -> None:
    print("Stopping model: " + MODEL_ARN)
    response = boto3.client("rekognition").stop_project_version(ProjectVersionArn=MODEL_ARN)
    print("Status: " + response["Status"])
    print("Done...")


if __name__ == "__main__":
    stop_model()
