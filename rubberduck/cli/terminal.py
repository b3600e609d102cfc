"""What the commands share: options, files, a progress bar, words for a terminal."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from tqdm import tqdm

from rubberduck.core.errors import DuckError
from rubberduck.web.deps import pipeline

SUFFIXES = set(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .avif .heic .heif .bmp .tif .tiff".split()
)
STDIN = "-"
HELP = {"help_option_names": ["-h", "--help"]}
Each = TypeVar("Each")
yes_option = click.option("--yes", is_flag=True, help="Do not ask before spending money.")
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


def files_in(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if path == STDIN or not os.path.isdir(path):
            yield path
            continue
        inside = sorted(each for each in Path(path).rglob("*") if each.is_file())
        pictures = [str(each) for each in inside if each.suffix.lower() in SUFFIXES]
        if not pictures:
            click.echo(f"{printable(path)}: no pictures in this folder.", err=True)
        yield from pictures


def confirm_cost(pictures: int, yes: bool) -> None:
    price = pictures * pipeline().detector.cost_per_call_usd
    if not price or yes:
        return
    name = pipeline().detector.name
    cost = f"{name} will be asked {pictures} times, for about ${price:.3f}."
    if not sys.stdin.isatty():  # nobody to ask, or a picture on its way
        raise click.UsageError(f"{cost} Add --yes to agree.")
    click.confirm(f"{cost} Go on?", abort=True, err=True)


def with_progress(items: list[Each]) -> Iterable[Each]:
    """A progress bar on standard error, if that is a terminal."""
    shown = sys.stderr.isatty()
    columns, rows = shutil.get_terminal_size()  # also for a terminal that does not tell
    return tqdm(items, unit="picture", disable=not shown, leave=False, ncols=columns, nrows=rows)


def read(file: str) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    enough = pipeline().max_bytes + 1
    if file == STDIN:
        return sys.stdin.buffer.read(enough)
    with open(file, "rb") as opened:
        return opened.read(enough)


def printable(name: str) -> str:
    """A file's name without what a terminal would obey or cannot show."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def why(error: DuckError | OSError) -> str:
    if isinstance(error, DuckError):
        problem = error.problem
        return " ".join([f"{problem.title}.", problem.why, problem.hint])
    return f"The file cannot be read: {error.strerror}."
