"""Find custom labels in a picture of a bucket, and draw their boxes."""

import io

import boto3
from PIL import Image, ImageDraw, ImageFont

MODEL_ARN = "arn:aws:rekognition:eu-central-1:111122223333:project/mugs/version/v1/1700000000001"
BUCKET = "my-pictures"
PHOTO = "mugs/1.jpg"
MIN_CONFIDENCE = 50
FONT = "/Library/Fonts/Tahoma.ttf"
OUTPUT = "drawn.jpg"


def detect_and_draw() -> int:
    client = boto3.client("rekognition")
    response = client.detect_custom_labels(
        Image={"S3Object": {"Bucket": BUCKET, "Name": PHOTO}},
        MinConfidence=MIN_CONFIDENCE,
        ProjectVersionArn=MODEL_ARN,
    )
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=PHOTO)["Body"].read()
    image = Image.open(io.BytesIO(body))
    width, height = image.size
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT, 30)
    for label in response["CustomLabels"]:
        print(f"{label['Name']} {label['Confidence']:.1f}")
        if "Geometry" in label:
            box = label["Geometry"]["BoundingBox"]
            left, top = width * box["Left"], height * box["Top"]
            right, bottom = left + width * box["Width"], top + height * box["Height"]
            draw.text((left, top), label["Name"], fill="#00d400", font=font)
            draw.rectangle((left, top, right, bottom), outline="#00d400", width=5)
    image.save(OUTPUT)
    return len(response["CustomLabels"])


if __name__ == "__main__":
    print(f"Custom labels detected: {detect_and_draw()}")
