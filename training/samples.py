"""The home page's sample pictures, in static/samples: `python -m training.samples`.

It takes about six minutes on two cores, and tells what the embedded detector thinks of each.
"""

import io
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from PIL import Image

from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.imaging.decode import decode_picture
from training.props.household_objects import car, robot, teapot
from training.props.look_alikes import animal, fruit
from training.props.sample_cast import YELLOW, cone, gentleman, lane, live_duck, rubber, toy
from training.rendering.colours import plain
from training.rendering.sample_stage import Stage, Thing, photograph

FOLDER = Path(__file__).parent.parent / "static" / "samples"
SIZE, SMALL = (800, 600), (240, 180)
FINER = 2
SEA = Stage(plain((0.03, 0.5, 0.57)), ((0.87, 0.95, 0.96), (0.45, 0.76, 0.9)), 0.3, 1.0)
POND = Stage(plain((0.14, 0.36, 0.34)), ((0.86, 0.92, 0.86), (0.6, 0.78, 0.82)), 0.35, 1.0)
ROAD = Stage(lane, ((0.86, 0.93, 0.97), (0.5, 0.74, 0.93)))
TABLE = Stage(
    plain((0.8, 0.7, 0.62)), ((0.94, 0.87, 0.8), (0.8, 0.86, 0.9)), 0.06, pitch=17, middle=0.66
)


def easy() -> tuple[list[Thing], Stage]:
    return [Thing(rubber(6), 0.1, 0, 35, 1.3, 0.3)], SEA


def many() -> tuple[list[Thing], Stage]:
    flock = [
        (15, YELLOW, -1.95, 0.8, 30, 0.62),
        (54, (0.95, 0.3, 0.5), 0.2, 1.4, -25, 0.62),
        (6, YELLOW, 1.8, 0.7, 40, 0.66),
        (22, (0.25, 0.4, 0.9), -0.3, -1.2, -40, 0.7),
        (50, (0.95, 0.93, 0.9), -1.8, -2.3, -30, 0.72),
        (34, (0.85, 0.15, 0.12), 1.35, -2.0, 25, 0.72),
        (5, (0.45, 0.75, 0.2), 3.25, -1.5, 30, 0.66),
    ]
    things = [
        Thing(rubber(seed, colour), right, near, turn, size, sink=0.25)
        for seed, colour, right, near, turn, size in flock
    ]
    return things, replace(SEA, pitch=20, shine=0.1, waves=1.6)


def costume() -> tuple[list[Thing], Stage]:
    stage = replace(
        TABLE, floor=plain((0.5, 0.55, 0.75)), sky=((0.78, 0.8, 0.92), (0.6, 0.62, 0.85))
    )
    return [Thing(gentleman(), 0.05, 0.2, 30, 0.86)], stage


def road() -> tuple[list[Thing], Stage]:
    return [
        Thing(rubber(24, YELLOW), -0.45, 0.7, 28, 0.85),
        Thing(toy(car, 2), 1.55, -1.7, 14, 0.95),
        Thing(cone(), 2.15, 1.1, 0, 0.6),
        Thing(cone(), -2.3, -1.1, 0, 0.7),
    ], ROAD


def real() -> tuple[list[Thing], Stage]:
    return [Thing(live_duck(), 0.15, 0, 75, 1.08, 0.75)], POND


def none() -> tuple[list[Thing], Stage]:
    return [
        Thing(toy(teapot, 13), -1.8, -0.2, 40, 0.9),
        Thing(toy(car, 17), 1.3, 0.8, 35, 0.8),
        Thing(toy(robot, 40), 0.1, -0.6, 10, 0.95),
        Thing(toy(fruit, 11), -0.4, 1.4, 70, 0.42),
        Thing(toy(fruit, 26), -1.55, 1.3, 0, 0.45),
        Thing(toy(animal, 7), 2.4, -0.9, 25, 0.75),
    ], TABLE


def hard() -> tuple[list[Thing], Stage]:
    return [
        Thing(toy(teapot, 13), -0.85, 0.2, 40, 0.75),
        Thing(rubber(6), 0.5, -0.5, 35, 0.9),
        Thing(toy(car, 2), 1.9, 0.6, -35, 0.75),
        Thing(toy(robot, 31), -2.25, -0.7, 30, 0.9),
        Thing(toy(fruit, 1), -0.2, 1.4, 0, 0.4),
        Thing(toy(animal, 7), 2.3, -1.2, 25, 0.8),
        Thing(toy(fruit, 26), -1.8, 1.1, 0, 0.5),
    ], replace(TABLE, floor=plain((0.6, 0.75, 0.72)), sky=((0.8, 0.9, 0.88), (0.65, 0.82, 0.85)))


SCENES = (easy, many, costume, road, real, none, hard)


def jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def make(scene: Callable[[], tuple[list[Thing], Stage]]) -> str:
    image = photograph(*scene(), SIZE, FINER)
    (FOLDER / f"{scene.__name__}.jpg").write_bytes(jpeg(image, 82))
    small = image.resize(SMALL, Image.Resampling.LANCZOS)
    (FOLDER / f"{scene.__name__}-small.jpg").write_bytes(jpeg(small, 75))
    return scene.__name__


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    detector = OnnxDetector()
    with ProcessPoolExecutor(2) as pool:
        for name in pool.map(make, SCENES):
            data = (FOLDER / f"{name}.jpg").read_bytes()
            picture = decode_picture(data, max_bytes=len(data), max_side=max(SIZE))
            labels = detector.labels(picture)
            verdict = judge(RUBBER_DUCK, labels)
            seen = ", ".join(f"{label.name} {label.confidence:.0f} %" for label in labels)
            answer = f"found {verdict.score:.0f} %" if verdict.found else "not found"
            print(f"{name:8} {len(data):6} bytes  {answer:11} {len(verdict.boxes)} boxes  {seen}")


if __name__ == "__main__":
    main()
