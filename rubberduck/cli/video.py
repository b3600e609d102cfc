"""`flask video`: have stored videos analysed for money."""

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from rubberduck.cli.jobs import NO_WORKER, follow_job
from rubberduck.cli.terminal import HELP, printable, yes_option
from rubberduck.core.errors import DuckError
from rubberduck.web.deps import job_queue, video_service
from rubberduck.web.operators import audit_terminal
from rubberduck.web.video_paid import paid_videos, price_of

if TYPE_CHECKING:
    from rubberduck.services.video_costs import Estimate

video = AppGroup("video", context_settings=HELP, help="Have videos analysed at Amazon.")
MINUTE = 60
COMMAND_LINE = ""  # who did it: nobody who signed in


@video.command("analyse", context_settings=HELP)
@click.argument("id")
@click.option("--with", "way", metavar="WAY", help="How; without it, ways and prices are listed.")
@click.option("--rate", type=float, help="Frames a second, for calls with pictures.  [default: 1]")
@click.option("--model", metavar="PROJECT", help="The project's id, for custom-labels.")
@click.option("--question", metavar="KEY", help="Another question (the name of its file).")
@click.option("--follow", is_flag=True, help="Wait until it ends, and print the job's log.")
@yes_option
def analyse(  # noqa: PLR0913, PLR0917 - one for each option
    id: str,
    way: str | None,
    rate: float | None,
    model: str | None,
    question: str | None,
    follow: bool,
    yes: bool,
) -> None:
    """Have the video ID analysed by Amazon Rekognition, which costs money.

    The price is shown first. A worker does it: `python worker.py`. The video's answer is replaced
    when the new one is whole.

    \b
    Examples:
      flask video analyse 3q2-7wAAAAAAAAAAAAAAAA
      flask video analyse 3q2-7wAAAAAAAAAAAAAAAA --with rekognition-images --rate 2
      flask video analyse 3q2-7wAAAAAAAAAAAAAAAA --with rekognition-video --yes --follow
    """
    from rubberduck.services.video_costs import VideoCosts
    from rubberduck.services.video_paid import Order

    try:
        found, paid = video_service().get(id), paid_videos()
        if way is None:
            lines = [_line(each) for each in paid.choices(found)]
            click.echo("\n".join(lines) or "This site is not connected to Amazon Rekognition.")
            return
        estimate = VideoCosts(paid.site).require(found, way, rate, model)
        if not yes:
            click.confirm(f"{_line(estimate)}. Start it?", abort=True, err=True)
        order = Order(way, rate, model, question, estimate.microdollars)
        analysis = paid.start(found, order, COMMAND_LINE)
        audit_terminal(
            "video.analyse",
            id,
            way=way,
            microdollars=analysis.microdollars,
            job=analysis.job_id,
        )
        click.echo(f"Queued: {analysis.job_id}")
        if not job_queue().has_worker():
            click.echo(NO_WORKER, err=True)
        if follow:
            follow_job(analysis.job_id or "")
    except DuckError as error:
        raise click.ClickException(error.operator_message) from None


def _line(estimate: "Estimate") -> str:
    """Return a way with what it costs and takes, and why it cannot be started."""
    model = f" --model {estimate.model} (“{estimate.model_name}”)" if estimate.model else ""
    rate = "" if estimate.rate is None else f" --rate {estimate.rate:g}"
    amount = f"{estimate.calls:,} calls at most" if estimate.calls else f"{estimate.minutes:,} min"
    minutes = max(1, round(estimate.seconds / MINUTE))
    line = f"{estimate.way}{model}{rate}: {amount}, {price_of(estimate)}, about {minutes} min"
    return printable(line + (f": {estimate.problem}" if estimate.problem else ""))
