"""The original site, rebuilt from its author's description, to be compared with ours.

The upload is saved on disk, stored in S3 by a client created for this request, labelled by its key,
drawn at full size with ImageDraw, saved, and stored again: in sequence, in gunicorn's sync workers.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from flask import Flask, request
from PIL import Image, ImageDraw, ImageFont

BUCKET = os.environ.get("DUCK_BUCKET", "")
FOLDER = Path(os.environ.get("DUCK_UPLOADS", "."))

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "<form method=post enctype=multipart/form-data><input type=file name=picture></form>"


@app.post("/")
def upload() -> dict[str, Any]:
    name = f"{secrets.token_hex(8)}.jpg"
    file, marked = FOLDER / name, FOLDER / f"marked-{name}"
    request.files["picture"].save(file)
    s3 = boto3.client("s3")
    s3.upload_file(str(file), BUCKET, name)
    answer = boto3.client("rekognition").detect_labels(
        Image={"S3Object": {"Bucket": BUCKET, "Name": name}}
    )
    _draw(Image.open(file), answer, marked)
    s3.upload_file(str(marked), BUCKET, marked.name)
    return {"picture": name, "marked": marked.name}


def _boxes(answer: Any, image: Image.Image) -> Iterator[tuple[str, float, float, float, float]]:
    """Yield the text, left, top, width and height of each box, in pixels."""
    x, y = image.size
    for label in answer["Labels"]:
        for instance in label["Instances"]:
            box, text = instance["BoundingBox"], f"{label['Name']} {instance['Confidence']:.0f}%"
            yield text, box["Left"] * x, box["Top"] * y, box["Width"] * x, box["Height"] * y


def _draw(image: Image.Image, answer: Any, marked: Path) -> None:
    image = image.convert("RGB")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(max(12, image.width // 50))
    line = max(3, image.width // 300)
    for text, left, top, width, height in _boxes(answer, image):
        draw.rectangle((left, top, left + width, top + height), outline="yellow", width=line)
        draw.text((left, top), text, "black", font)
    image.save(marked, quality=90)
