"""The site as its diary tells of it, written from that description, to be measured beside ours.

The upload is saved on disk, stored in S3 by a client made for this request, labelled by its key,
drawn in full size, saved, and stored again: one after the other, in gunicorn's sync workers.
`DRAWING=pyplot` draws as at first, anything else as later, with ImageDraw.
"""

import os
import secrets
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
def look() -> dict[str, Any]:
    name = f"{secrets.token_hex(8)}.jpg"
    file, marked = FOLDER / name, FOLDER / f"marked-{name}"
    request.files["picture"].save(file)
    s3 = boto3.client("s3")
    s3.upload_file(str(file), BUCKET, name)
    answer = boto3.client("rekognition").detect_labels(
        Image={"S3Object": {"Bucket": BUCKET, "Name": name}}
    )
    draw = _draw_with_pyplot if os.environ.get("DRAWING") == "pyplot" else _draw_with_pillow
    draw(file, _boxes(answer), marked)
    s3.upload_file(str(marked), BUCKET, marked.name)
    return {"picture": name, "marked": marked.name}


def _boxes(answer: Any) -> list[tuple[str, float, dict[str, float]]]:
    return [
        (label["Name"], instance["Confidence"], instance["BoundingBox"])
        for label in answer["Labels"]
        for instance in label["Instances"]
    ]


def _draw_with_pyplot(file: Path, boxes: list[Any], marked: Path) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    image = Image.open(file)
    width, height = image.size
    plt.switch_backend("Agg")
    figure, axes = plt.subplots(figsize=(width / 100, height / 100), dpi=100)
    axes.imshow(image)
    axes.axis("off")
    for name, confidence, box in boxes:
        left, top = box["Left"] * width, box["Top"] * height
        sides = box["Width"] * width, box["Height"] * height
        axes.add_patch(Rectangle((left, top), *sides, fill=False, edgecolor="yellow", linewidth=3))
        axes.text(left, top, f"{name} {confidence:.0f}%", backgroundcolor="yellow")
    figure.savefig(marked, bbox_inches="tight", pad_inches=0)
    plt.close(figure)


def _draw_with_pillow(file: Path, boxes: list[Any], marked: Path) -> None:
    image = Image.open(file).convert("RGB")
    width, height = image.size
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(max(12, width // 50))
    for name, confidence, box in boxes:
        left, top = box["Left"] * width, box["Top"] * height
        right, bottom = left + box["Width"] * width, top + box["Height"] * height
        draw.rectangle((left, top, right, bottom), outline="yellow", width=max(3, width // 300))
        draw.text((left, top), f"{name} {confidence:.0f}%", "black", font)
    image.save(marked, quality=90)
