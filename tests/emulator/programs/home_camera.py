"""Watch a camera as a home automation does: objects that are wanted, where they are wanted.

It asks DetectLabels with keys from its own configuration and the bytes of a picture, nothing else,
and takes what has instances for objects and the rest for labels.
"""

import io
import json
import sys
from collections import Counter
from typing import Any

import boto3
from PIL import Image

REGION = "us-east-1"
ACCESS_KEY_ID = "AKIA-OF-THE-CONFIGURATION"
SECRET_ACCESS_KEY = "a secret of the configuration"
TARGETS = {"duck": 60.0, "person": 90.0}  # least confidences, in percent
REGION_OF_INTEREST = (0.2, 0.1, 1.0, 0.9)  # left, top, right, bottom
SCALE = 0.75


class Camera:
    """One camera, whose state is the number of targets in the last picture."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.state: int | None = None
        self.summary: dict[str, int] = {}
        self.labels: list[str] = []
        self.targets: list[dict[str, Any]] = []

    def process(self, picture: bytes) -> None:
        response = self.client.detect_labels(Image={"Bytes": smaller(picture)})
        objects = [thing for label in response["Labels"] for thing in instances_of(label)]
        self.labels = [each["Name"].lower() for each in response["Labels"] if not each["Instances"]]
        self.targets = [
            thing
            for thing in objects
            if thing["confidence"] > TARGETS.get(thing["name"], 100.0)
            and is_inside(REGION_OF_INTEREST, *thing["centre"])
        ]
        self.state = len(self.targets)
        found = Counter(target["name"] for target in self.targets)
        self.summary = {name: found[name] for name in TARGETS}


def smaller(picture: bytes) -> bytes:
    image = Image.open(io.BytesIO(picture))
    image.thumbnail((image.width * SCALE, image.height * SCALE))
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def instances_of(label: dict[str, Any]) -> list[dict[str, Any]]:
    things = []
    for instance in label["Instances"]:
        box = instance["BoundingBox"]
        centre = (box["Left"] + box["Width"] / 2, box["Top"] + box["Height"] / 2)
        things.append(
            {
                "name": label["Name"].lower(),
                "confidence": round(instance["Confidence"], 3),
                "centre": [round(side, 3) for side in centre],
                "area": round(100 * box["Width"] * box["Height"], 3),
            }
        )
    return things


def is_inside(region: tuple[float, float, float, float], x: float, y: float) -> bool:
    left, top, right, bottom = region
    return left <= x <= right and top <= y <= bottom


if __name__ == "__main__":
    camera = Camera(
        boto3.client(
            "rekognition",
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )
    )
    with open(sys.argv[1], "rb") as file:
        camera.process(file.read())
    print(
        json.dumps(
            {
                "state": camera.state,
                "summary": camera.summary,
                "labels": camera.labels,
                "targets": camera.targets,
            }
        )
    )
