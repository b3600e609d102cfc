"""A Gradio interface with recorded labels as its detector; needs the Python of .venv-bench.

`python -m bench.peers.gradio_app PORT DELAY ANSWER.json`
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import gradio
from PIL import Image, ImageDraw

CONCURRENCY = 8


def main(port: int, delay: float, labels: list[dict[str, Any]]) -> None:
    boxes = [
        (label["Name"], instance["BoundingBox"])
        for label in labels
        for instance in label["Instances"]
    ]

    def classify(picture: Image.Image) -> tuple[Image.Image, str]:
        time.sleep(delay)  # the detector
        draw = ImageDraw.Draw(picture)
        for name, box in boxes:
            left, top = box["Left"] * picture.width, box["Top"] * picture.height
            right = left + box["Width"] * picture.width
            bottom = top + box["Height"] * picture.height
            draw.rectangle((left, top, right, bottom), outline="yellow", width=4)
            draw.text((left, top), name, "yellow")
        return picture, "Rubber duck!"

    interface = gradio.Interface(
        classify,
        gradio.Image(type="pil"),
        [gradio.Image(format="jpeg"), gradio.Textbox()],
        api_name="classify",
        concurrency_limit=CONCURRENCY,
        flagging_mode="never",
        analytics_enabled=False,
    )
    interface.launch(server_name="127.0.0.1", server_port=port, quiet=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())["Labels"])
