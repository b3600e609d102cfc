"""`flask look`: classify pictures and videos from the command line."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from rubberduck.cli.analyze_bucket import ADDRESS, analyze_bucket, show_run
from rubberduck.cli.analyze_video import (
    VIDEO_SUFFIXES,
    analyze_video,
    calls_for,
    is_video,
    standard_input,
    video_text,
)
from rubberduck.cli.render_video import check_target, write_with_boxes
from rubberduck.cli.terminal import (
    HELP,
    STDIN,
    as_json,
    confirm_cost,
    explain,
    files_in,
    min_confidence_option,
    model_option,
    printable,
    question_option,
    read,
    use_model,
    use_question,
    with_progress,
    yes_option,
)
from rubberduck.core.errors import DuckError
from rubberduck.core.file_names import PICTURE_SUFFIXES
from rubberduck.core.models import percent
from rubberduck.web.deps import pipeline

if TYPE_CHECKING:
    from rubberduck.videos.models import Track

NO_ANSWER: dict[str, Any] = {"duck": None, "score": None, "boxes": [], "is_truncated": None}


@click.command("look", context_settings=HELP)
@with_appcontext
@as_json
@yes_option
@question_option
@model_option
@min_confidence_option
@click.option(
    "--render",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one video with boxes to FILE (.mp4 or .webm), which must not exist.",
)
@click.option("--run", metavar="ID", help="Follow a run over a bucket that was started before.")
@click.option(
    "--calls-a-second",
    type=click.FloatRange(0.1, 1000),
    help="For a bucket, your account's quota of DetectLabels; default: that of DUCK_REGION.",
)
@click.argument("paths", metavar="PATH...", nargs=-1)
def classify(  # noqa: PLR0913, PLR0917 - each is an option
    paths: tuple[str, ...],
    as_json: bool,
    yes: bool,
    question: str | None,
    model: str | None,
    min_confidence: float | None,
    target: Path | None,
    run: str | None,
    calls_a_second: float | None,
) -> None:
    """Classify pictures and videos without storing them.

    PATH is a file, a folder, - for standard input, or the address of a bucket's pictures.

    \b
    Examples:
      flask look duck.jpg
      flask look --json holiday/ > answers.jsonl
      cat duck.jpg | flask look -
      flask look --model "our mugs" kitchen.jpg
      flask look --render with-boxes.mp4 pond.mp4
      flask look --json s3://my-bucket/2026/ > answers.jsonl

    With --json, prints one line per file: {file, duck, score, boxes,
    is_truncated, error}, and for a video also {seconds, samples,
    distinct, tracks, rendered}, with times in seconds. Without it,
    errors go to standard error. Exit status: 1 if any file failed.
    """
    if question and model:
        raise click.UsageError("Give either --question or --model.")
    use_question(question)
    use_model(model, yes, min_confidence)
    if run is not None:
        show_run(run, as_json)
    if not paths:
        raise click.UsageError("Give at least one PATH.")
    if any(path.startswith(ADDRESS) for path in paths):
        if len(paths) > 1 or question or model or target:
            raise click.UsageError(
                "Give a bucket without other paths, --question, --model and --render."
            )
        analyze_bucket(paths[0], as_json=as_json, yes=yes, calls_a_second=calls_a_second)
    with standard_input(paths) as given:
        files = list(files_in(given.paths, PICTURE_SUFFIXES | VIDEO_SUFFIXES))
        if target is not None:
            check_target(target, files)
        calls = list(map(calls_for, files))
        confirm_cost(sum(calls), yes, is_most=sum(calls) > len(calls))
        failures = 0
        for file in with_progress(files, "file"):
            name = STDIN if file == given.stored else file
            outcome = {"file": name, **_outcome(file, target)}
            failed = outcome["error"] is not None
            failures += failed
            line = json.dumps(outcome) if as_json else _text(outcome)
            tqdm.write(line, file=sys.stderr if failed and not as_json else sys.stdout)
    sys.exit(1 if failures else 0)


def _outcome(file: str, target: Path | None) -> dict[str, Any]:
    """Return the fields of one line of JSON; `error` is None or says what went wrong."""
    try:
        answer = _classify_video(file, target) if is_video(file) else _classify_picture(file)
    except (DuckError, OSError) as error:
        return {**NO_ANSWER, "error": explain(error)}
    return {**NO_ANSWER, **answer, "error": None}


def _classify_video(file: str, target: Path | None) -> dict[str, Any]:
    def write(tracks: "Sequence[Track]") -> None:
        if target is not None:
            write_with_boxes(Path(file), target, tracks)

    answer = analyze_video(Path(file), write)
    return {**answer, "rendered": None if target is None else str(target)}


def _classify_picture(file: str) -> dict[str, Any]:
    picture = pipeline().read(read(file))
    answer = pipeline().answer(picture)
    return {
        "duck": answer.verdict.found,
        "score": answer.verdict.score,
        "boxes": [asdict(box) for box in answer.verdict.boxes],
        "is_truncated": picture.is_truncated,
    }


def _text(outcome: dict[str, Any]) -> str:
    file = printable(outcome["file"])
    if outcome["error"]:
        return f"{file}: {outcome['error']}"
    answer = f"yes, {percent(outcome['score'])}" if outcome["duck"] else "no"
    note = " (the end of the file is missing)" if outcome["is_truncated"] else ""
    return f"{file}: {answer}{video_text(outcome)}{note}"
