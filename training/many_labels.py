"""Measure a training with 250 labels, as many as a project can have.

`python -m training.many_labels` draws signs of five shapes, ten colours and five marks on painted
scenes, four in each of 500 pictures. It is about time, memory and the file's size, not about
finding signs that are so alike.
"""

import itertools
import math
import resource
import time

import numpy as np
from PIL import Image, ImageDraw

from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import load
from rubberduck.custom_models.training import TrainingPicture, train
from training.background_scenes import scenes
from training.rendering.colours import hsv

PICTURES, EACH, SEED, SIDE = 500, 4, 5, 480
SCENES = 40  # painted; each is the background of several pictures
CORNERS = {"triangle": 3, "square": 4, "pentagon": 5, "octagon": 8, "disc": 40}
MARKS = ("plain", "bar", "cross", "dot", "ring")
COLOURS = 10
LABELS = tuple(
    f"{shape} {colour} {mark}"
    for shape, colour, mark in itertools.product(CORNERS, range(COLOURS), MARKS)
)


def sign(label: str, side: int) -> Image.Image:
    shape, colour, mark = label.split()
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    count, middle = CORNERS[shape], side / 2
    around = [2 * math.pi * i / count - math.pi / 2 for i in range(count)]
    outline = [
        (middle + 0.48 * side * math.cos(a), middle + 0.48 * side * math.sin(a)) for a in around
    ]
    red, green, blue = (int(255 * c) for c in hsv(int(colour) / COLOURS, 0.8, 0.9))
    draw.polygon(outline, fill=(red, green, blue, 255))
    low, high, wide = 0.3 * side, 0.7 * side, max(side // 10, 1)
    if mark in {"bar", "cross"}:
        draw.line((low, middle, high, middle), fill="white", width=wide)
    if mark == "cross":
        draw.line((middle, low, middle, high), fill="white", width=wide)
    if mark == "dot":
        draw.ellipse((0.4 * side, 0.4 * side, 0.6 * side, 0.6 * side), fill="white")
    if mark == "ring":
        draw.ellipse((low, low, high, high), outline="white", width=wide)
    return image


def draw(number: int, behind: Image.Image) -> tuple[Image.Image, tuple[Box, ...]]:
    """Return a picture with a sign in each quarter; together they show every label evenly."""
    rng = np.random.default_rng((SEED, number))
    scene, boxes = behind.resize((SIDE, SIDE)), []
    for quarter in range(EACH):
        label = LABELS[(number * EACH + quarter) % len(LABELS)]
        side, half = int(rng.integers(60, 150)), SIDE // 2
        left, top = (int(rng.integers(0, half - side)) + half * part for part in divmod(quarter, 2))
        shown = sign(label, side)
        scene.paste(shown, (left, top), shown)
        x0, y0, x1, y1 = shown.getbbox() or (0, 0, side, side)
        boxes.append(Box(label, left + x0, top + y0, x1 - x0, y1 - y0))
    return scene, tuple(boxes)


def picture(number: int, behind: Image.Image) -> TrainingPicture:
    """Return a picture that is drawn when it is loaded, so that its pixels take no memory."""
    boxes = draw(number, behind)[1]
    return TrainingPicture(lambda: draw(number, behind)[0], boxes, group=number)


def main() -> None:
    behind = scenes(SCENES, SEED)
    pictures = [picture(number, behind[number % SCENES]) for number in range(PICTURES)]
    started = time.process_time()
    trained = train(pictures, LABELS, seed=SEED)
    seconds = time.process_time() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model = load(trained.onnx)
    started = time.process_time()
    for shown in pictures[:20]:
        model.predict(shown.load())
    spent = 1000 * (time.process_time() - started) / 20
    said = (
        f"{len(LABELS)} labels, {PICTURES} pictures: {seconds:.0f} s of processor",
        f"{megabytes:.0f} MB",
        f"file {len(trained.onnx) / 1e6:.2f} MB",
        f"{spent:.0f} ms a picture",
    )
    print(", ".join(said))


if __name__ == "__main__":
    main()
