"""Pictures without any label that ship, so that a user's pictures of the thing alone suffice."""

from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent.parent / "backgrounds"


def backgrounds() -> list[Path]:
    return sorted(FOLDER.glob("*.jpg"))


def read(path: Path) -> Image.Image:
    with Image.open(path, formats=["JPEG"]) as image:
        return image.convert("RGB")
