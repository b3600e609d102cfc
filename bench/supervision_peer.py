"""Three boxes drawn by roboflow's supervision, beside ours: run by .venv-bench's Python."""

import sys

import numpy as np
import supervision
from PIL import Image

from bench.fixtures import THREE_BOXES, scene
from bench.measure import in_turns, measured
from rubberduck.drawing import draw_boxes
from rubberduck.frames import frames

SIZE = (2048, 1536)


def with_supervision(image: Image.Image) -> Image.Image:
    """The same boxes and words; lines and letters about as large as ours."""
    framed = frames(THREE_BOXES, image.size)
    found = supervision.Detections(
        xyxy=np.array([(each.left, each.top, each.right, each.bottom) for each in framed], float),
        class_id=np.arange(len(framed)),
    )
    marked = supervision.BoxAnnotator(thickness=6).annotate(image.copy(), found)
    labels = supervision.LabelAnnotator(text_scale=1.8, text_thickness=3)
    drawn = labels.annotate(marked, found, [each.text for each in framed])
    assert isinstance(drawn, Image.Image)
    return drawn


def main(rounds: int) -> None:
    image = scene(*SIZE)
    comparison = in_turns(
        f"Three boxes on {SIZE[0]} × {SIZE[1]} pixels",
        ("ours", lambda: draw_boxes(image, THREE_BOXES)),
        ("supervision", lambda: with_supervision(image)),
        rounds,
    )
    sys.stdout.write(measured.dump_json(comparison).decode() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
