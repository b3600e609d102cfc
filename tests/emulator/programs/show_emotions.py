"""Upload a photograph, draw a box around each face with its emotion, and print a link to it."""

import io
import sys

import boto3
from PIL import Image, ImageDraw

BUCKET = "my-pictures"
PHOTO = "in/me.jpg"
PROCESSED = "out/me.jpg"


def show_emotions(path: str) -> str:
    s3, rekognition = boto3.client("s3"), boto3.client("rekognition")
    s3.upload_file(path, BUCKET, PHOTO)
    faces = rekognition.detect_faces(
        Image={"S3Object": {"Bucket": BUCKET, "Name": PHOTO}}, Attributes=["EMOTIONS"]
    )["FaceDetails"]
    image = Image.open(path)
    draw = ImageDraw.Draw(image)
    for face in faces:
        box = face["BoundingBox"]
        left, top = box["Left"] * image.width, box["Top"] * image.height
        right, bottom = left + box["Width"] * image.width, top + box["Height"] * image.height
        draw.rectangle((left, top, right, bottom), outline="red", width=3)
        emotion = max(face["Emotions"], key=lambda each: each["Confidence"])
        draw.text((left, top), emotion["Type"], fill="red")
        print(emotion["Type"])
    out = io.BytesIO()
    image.save(out, "JPEG")
    s3.put_object(Bucket=BUCKET, Key=PROCESSED, Body=out.getvalue())
    return s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": PROCESSED}, 3600)


if __name__ == "__main__":
    print(show_emotions(sys.argv[1]))
