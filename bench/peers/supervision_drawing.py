"""Three boxes drawn by roboflow's supervision and by ours; needs the Python of .venv-bench."""

import sys

import cv2
import numpy as np
import supervision
from PIL import Image

from bench.harness.figures import measured
from bench.harness.fixtures import THREE_BOXES, scene
from bench.harness.measuring import compare_times
from rubberduck.core.outlines import outlines
from rubberduck.imaging.draw import draw_boxes

SIZE = (2048, 1536)


def with_supervision(image: Image.Image) -> Image.Image:
    """Draw the same boxes and labels, with lines and letters about as large as ours.

    On OpenCV's pixel array: given a Pillow image, each of the two annotators would convert it there
    and back.
    """
    drawn = outlines(THREE_BOXES, image.size)
    found = supervision.Detections(
        xyxy=np.array([(each.left, each.top, each.right, each.bottom) for each in drawn], float),
        class_id=np.arange(len(drawn)),
    )
    pixels = np.array(image)  # a copy, as ours is
    supervision.BoxAnnotator(thickness=6).annotate(pixels, found)
    labels = supervision.LabelAnnotator(text_scale=1.8, text_thickness=3)
    labels.annotate(pixels, found, [each.text for each in drawn])
    return Image.fromarray(pixels)


def main(rounds: int) -> None:
    image = scene(*SIZE)
    cv2.setNumThreads(1)  # ours uses one, too
    comparison = compare_times(
        f"Three boxes on {SIZE[0]} × {SIZE[1]} pixels",
        {
            "ours": lambda: draw_boxes(image, THREE_BOXES),
            "supervision": lambda: with_supervision(image),
        },
        rounds,
    )
    sys.stdout.write(measured.dump_json(comparison).decode() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
