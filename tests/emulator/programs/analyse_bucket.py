"""Analyse a picture of a bucket, and describe models, in the way of the service's own samples.

Classes around the client, both features of DetectLabels, optional members read with get, paginators
and waiters, ClientError logged and raised again.
"""

import argparse
import logging
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

logger = logging.getLogger(__name__)


class BucketPicture:
    """A picture in a bucket, and what the service finds in it."""

    def __init__(self, picture: Any, client: Any) -> None:
        self.image = {"S3Object": {"Bucket": picture.bucket_name, "Name": picture.key}}
        self.name = picture.key
        self.client = client

    def call(self, operation: Callable[..., Any], **parameters: Any) -> Any:
        try:
            response = operation(Image=self.image, **parameters)
        except ClientError:
            logger.exception("%s could not be analysed.", self.name)
            raise
        logger.info("%s was analysed.", self.name)
        return response

    def print_labels(self, most: int) -> None:
        response = self.call(
            self.client.detect_labels,
            MaxLabels=most,
            Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"],
            Settings={
                "GeneralLabels": {"LabelExclusionFilters": ["Toy"]},
                "ImageProperties": {"MaxDominantColors": 3},
            },
        )
        for label in response["Labels"]:
            print(f"Label: {label['Name']} {label['Confidence']:.0f}")
            for instance in label["Instances"]:
                box = instance["BoundingBox"]
                print(f"Box: {box['Left']:.2f} {box['Top']:.2f} {box['Width']:.2f}")
            parents = [parent["Name"] for parent in label["Parents"]]
            print(f"Parents: {parents} Categories: {[c['Name'] for c in label['Categories']]}")
            print(f"Aliases: {[alias['Name'] for alias in label['Aliases']]}")
        properties = response["ImageProperties"]
        front = properties["Foreground"]["DominantColors"]
        colours = [each["SimplifiedColor"] for each in front]
        print(f"Foreground: {colours}, sharpness {properties['Quality']['Sharpness']:.0f}")
        print(f"Background: {properties['Background']['Quality']['Brightness']:.0f}")

    def print_faces(self) -> None:
        for face in self.call(self.client.detect_faces, Attributes=["ALL"])["FaceDetails"]:
            ages = face["AgeRange"]
            print(f"Face: {ages['Low']} to {ages['High']} years")
            moods = [each["Type"] for each in face.get("Emotions", []) if each["Confidence"] > 50]
            has = [name for name in ("Smile", "Beard", "Eyeglasses") if is_true(face, name)]
            print(f"Emotions: {moods} Has: {has} Pose: {face.get('Pose')}")
        famous = self.call(self.client.recognize_celebrities)
        print(f"Celebrities: {[each['Name'] for each in famous['CelebrityFaces']]}")
        print(f"Others: {len(famous['UnrecognizedFaces'])}")


def is_true(face: dict[str, Any], attribute: str) -> bool:
    return bool(face.get(attribute, {}).get("Value"))


def describe_models(client: Any) -> None:
    for page in client.get_paginator("describe_projects").paginate():
        for project in page["ProjectDescriptions"]:
            for dataset in project["Datasets"]:
                print(f"Dataset: {dataset['DatasetType']} {dataset['Status']}")
                print_entries(client, dataset["DatasetArn"])
            for model in models_of(client, project["ProjectArn"]):
                print_model(model)


def print_entries(client: Any, arn: str) -> None:
    description = client.describe_dataset(DatasetArn=arn)["DatasetDescription"]
    pages = client.get_paginator("list_dataset_entries").paginate(
        DatasetArn=arn, Labeled=True, PaginationConfig={"PageSize": 5}
    )
    count = sum(len(page["DatasetEntries"]) for page in pages)
    print(f"Entries: {count} of {description['DatasetStats']['TotalEntries']}")


def models_of(client: Any, project: str) -> list[Any]:
    client.get_waiter("project_version_training_completed").wait(ProjectArn=project)
    pages = client.get_paginator("describe_project_versions").paginate(ProjectArn=project)
    return [model for page in pages for model in page["ProjectVersionDescriptions"]]


def print_model(model: Any) -> None:
    print(f"Model: {model['ProjectVersionArn']} {model['Status']}: {model['StatusMessage']}")
    print(f"Minutes: {model['BillableTrainingTimeInSeconds'] / 60:.0f}")
    output, summary = model["OutputConfig"], model["EvaluationResult"]["Summary"]["S3Object"]
    print(f"F1: {model['EvaluationResult']['F1Score']:.2f}, s3://{summary['Bucket']}")
    print(f"Output: s3://{output['S3Bucket']}/{output['S3KeyPrefix']}")
    print(f"Manifests: {model['ManifestSummary']['S3Object']['Name']}")
    assets = model["TrainingDataResult"]["Output"]["Assets"]
    print(f"Trained with: {assets[0]['GroundTruthManifest']['S3Object']['Name']}")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    parser = argparse.ArgumentParser()
    parser.add_argument("bucket", help="The bucket of the pictures.")
    parser.add_argument("scene", help="The key of a picture of things.")
    parser.add_argument("portrait", help="The key of a picture of somebody.")
    args = parser.parse_args()
    client, bucket = boto3.client("rekognition"), boto3.resource("s3").Bucket(args.bucket)
    BucketPicture(bucket.Object(args.scene), client).print_labels(10)
    BucketPicture(bucket.Object(args.portrait), client).print_faces()
    describe_models(client)


if __name__ == "__main__":
    main()
