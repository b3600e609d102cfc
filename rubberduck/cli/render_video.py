"""`flask look --render`: the video again, with boxes around what was found."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from rubberduck.cli.analyze_video import is_video
from rubberduck.cli.terminal import progress_bar

if TYPE_CHECKING:
    from rubberduck.core.models import Box
    from rubberduck.videos.models import Track

BAR = "drawing boxes {l_bar}{bar}| [{elapsed}<{remaining}]"
# The encoder for the end of a file's name, and what has to come out.
FORMATS = {".mp4": ("h264", "video/mp4"), ".webm": ("vp9", "video/webm")}


def check_target(target: Path, files: Sequence[str]) -> None:
    """Raise UsageError if the video with boxes cannot be written there."""
    if len(files) != 1 or (os.path.isfile(files[0]) and not is_video(files[0])):
        raise click.UsageError("--render needs exactly one video.")
    if target.suffix.lower() not in FORMATS:
        raise click.UsageError("--render needs a name that ends with .mp4 or .webm.")
    if target.exists():
        raise click.UsageError(f"{target} exists already: choose another name.")
    if not os.access(target.absolute().parent, os.W_OK):
        raise click.UsageError(f"{target} cannot be written: its folder is missing or read-only.")


def write_with_boxes(path: Path, target: Path, tracks: "Sequence[Track]") -> None:
    """Write the video with the boxes of the tracks; whole under its name, or not at all.

    Raises VideoRefused, TooBusy, OSError, and ClickException if this machine cannot write H.264.
    """
    from rubberduck.videos.encoding import render
    from rubberduck.videos.interpolation import TrackBoxes

    boxes = TrackBoxes(tracks)
    encoder, content_type = FORMATS[target.suffix.lower()]

    def boxes_at(seconds: float) -> "list[Box]":
        return [shown.box for shown in boxes.at(seconds) if shown.is_seen]

    def show(share: float) -> None:
        bar.update(share - bar.n)

    bar: tqdm[float] = progress_bar([], total=1.0, bar_format=BAR)
    with tempfile.NamedTemporaryFile(dir=target.absolute().parent, prefix=".duck-") as file, bar:
        written = render(path, Path(file.name), boxes_at, progress=show, encoder=encoder)
        if written.content_type != content_type:
            raise click.ClickException(
                "FFmpeg on this machine cannot write H.264: choose a name that ends with .webm."
            )
        os.chmod(file.name, 0o666 & ~_umask())
        os.link(file.name, target)  # fails if somebody else wrote the file meanwhile


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask
