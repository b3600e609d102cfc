"""`flask model`: the models of projects, from training to their figures."""

import json
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from rubberduck.cli.jobs import NO_WORKER, follow_job
from rubberduck.cli.terminal import HELP, command_errors, printable, yes_option
from rubberduck.services.training_queue import queue_training
from rubberduck.web.deps import job_queue, pipeline
from rubberduck.web.model_hosting import hosting, training_price, view_of
from rubberduck.web.models import database, projects, settled_versions, versions
from rubberduck.web.operators import audit_terminal

if TYPE_CHECKING:
    from rubberduck.custom_models.evaluation import Evaluation, Figures
    from rubberduck.custom_models.model_version import ModelVersion
    from rubberduck.custom_models.projects import Project

# custom_models is imported by the commands only, never when the site starts.
model = AppGroup("model", context_settings=HELP, help="Train, measure and run models of projects.")
project_argument = click.argument("project")
number_argument = click.argument("number", type=click.IntRange(min=1))
COMMAND_LINE = ""  # who did it: nobody who signed in


@model.command("list", context_settings=HELP)
@click.argument("project", required=False)
def list_models(project: str | None) -> None:
    """List the versions of PROJECT (a name or an id), or of all projects.

    \b
    Examples:
      flask model list
      flask model list "our mugs"
    """
    with command_errors():
        chosen = [find_project(project)] if project else list(projects().list_all())
        for one in chosen:
            known = settled_versions(one)
            for version in known:
                click.echo(_line(one, version))
            if not known:
                click.echo(f"{printable(one.name)}  no version yet")
        if not chosen:
            click.echo("There are no projects yet: an operator makes one at /projects.", err=True)


@model.command("train", context_settings=HELP)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Of the random numbers: the same one makes the same model.",
)
@click.option("--follow", is_flag=True, help="Wait until it ends, and print the job's log.")
@click.option("--amazon", is_flag=True, help="Train at Amazon Rekognition, for money.")
@click.option(
    "--distribute",
    is_flag=True,
    help="With --amazon: let Amazon choose the test pictures, whatever belongs together.",
)
@yes_option
@project_argument
def train(  # noqa: PLR0913, PLR0917 - each is an option
    project: str, seed: int, follow: bool, amazon: bool, distribute: bool, yes: bool
) -> None:
    """Train a new version of PROJECT (a name or an id), on this machine unless told otherwise.

    A worker does it: `python worker.py`. With --amazon the price is shown first, and Amazon trains
    for half an hour to a day. Exit status with --follow: 1 unless it is done.

    \b
    Examples:
      flask model train "our mugs"
      flask model train --follow "our mugs"
      flask model train --amazon "our mugs"
    """
    if distribute and not amazon:
        raise click.UsageError("--distribute is for --amazon.")
    if seed and amazon:
        raise click.UsageError("Amazon takes no --seed.")
    with command_errors():
        found = find_project(project)
        if amazon:
            id = _queue_at_amazon(found, distribute, yes)
            audit_terminal("model.train", found.id, job=id, engine="rekognition")
        else:
            id = queue_training(job_queue(), database(), found, COMMAND_LINE, seed)
            audit_terminal("model.train", found.id, job=id)
        click.echo(f"Queued: {id}")
        if not job_queue().has_worker():
            click.echo(NO_WORKER, err=True)
        if follow:
            follow_job(id)


@model.command("evaluate", context_settings=HELP)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the summary that Amazon Rekognition Custom Labels would write.",
)
@project_argument
@number_argument
def evaluate(project: str, number: int, as_json: bool) -> None:
    """Print how good version NUMBER of PROJECT is on its test pictures, with 95 % intervals.

    \b
    Examples:
      flask model evaluate "our mugs" 3
      flask model evaluate --json "our mugs" 3 > EvaluationResultSummary.json
    """
    from rubberduck.custom_models.evaluation_summary import write_summary

    with command_errors():
        found = find_project(project)
        version = versions().get(found.id, number)
    if version.evaluation is None or version.trained_at is None:
        reason = f": {version.state_message}" if version.state_message else ""
        raise click.ClickException(f"Version {number} has no figures: {version.state}{reason}")
    if as_json:
        name = version.arn or f"{found.id}/{version.name}"
        click.echo(json.dumps(write_summary(version.evaluation, name, version.trained_at)))
    else:
        click.echo(_table(version.evaluation))


@model.command("start", context_settings=HELP)
@click.option(
    "--units",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    help="Inference units; each is billed.",
)
@click.option(
    "--unwatched", is_flag=True, help="Start it though nothing would stop it if this site goes off."
)
@yes_option
@project_argument
@number_argument
def start(project: str, number: int, units: int, unwatched: bool, yes: bool) -> None:
    """Start version NUMBER of PROJECT, so that it answers.

    A model at Amazon costs by the minute, also when nobody asks; the price is shown first. It is
    stopped when nobody asked for DUCK_MODEL_IDLE_MINUTES.

    \b
    Examples:
      flask model start "our mugs" 3
      flask model start --units 2 --yes "our mugs" 3
    """
    from rubberduck.custom_models.hosting_errors import NoScheduledStop

    with command_errors():
        life = hosting().lives.numbered(find_project(project).id, number)
        if not life.is_embedded and not yes:
            hour = f"{view_of(life).price} an hour and unit, billed by the minute"
            click.confirm(f"It costs {hour}. Start it (units: {units})?", abort=True, err=True)
        try:
            started = hosting().start(life.id, units, COMMAND_LINE, unwatched=unwatched)
        except NoScheduledStop as error:
            raise click.ClickException(
                f"{error.title}. {error} Add --unwatched to start it all the same, or set "
                "DUCK_SCHEDULER_ROLE. Nothing was started."
            ) from None
        audit_terminal("model.start", life.title, units=units, unwatched=unwatched)
        view = view_of(started)
    waits = "Amazon has not accepted the start yet; it is asked again until you stop the model"
    click.echo(f"{life.title}: {waits if started.awaits_start else started.state}")
    if other := view.answers_instead:
        click.echo(
            f"Version {other} answers. Make this one the default, or stop version {other}.",
            err=True,
        )
    if view.not_asked:
        numbers = ", ".join(map(str, view.not_asked))
        click.echo(
            f"Versions that run and are not asked beside this one: {numbers}. Stop them to save "
            "what they cost.",
            err=True,
        )


@model.command("stop", context_settings=HELP)
@project_argument
@number_argument
def stop(project: str, number: int) -> None:
    """Stop version NUMBER of PROJECT.

    At Amazon that takes some minutes; the site repeats the request until the model has stopped.

    \b
    Example:
      flask model stop "our mugs" 3
    """
    with command_errors():
        life = hosting().lives.numbered(find_project(project).id, number)
        stopped = hosting().stop(life.id)
        audit_terminal("model.stop", life.title)
    # At Amazon the state is the one before for a while: a stop is refused while a model starts.
    state = stopped.state if stopped.is_embedded else "it is being stopped"
    click.echo(f"{life.title}: {state}")


def find_project(name: str) -> "Project":
    """Return the project with this name or id. Raises click.ClickException."""
    for project in projects().list_all():
        if name in (project.id, project.name):
            return project
    raise click.ClickException("There is no such project; see: flask model list")


def _queue_at_amazon(project: "Project", distribute: bool, yes: bool) -> str:
    """Confirm the price, queue the training and return the job's id."""
    from rubberduck.services.aws_queue import queue_training_at_amazon

    if (price := training_price()) and not yes:
        cost = f"It costs {price} an hour, for half an hour to a day; nothing if it fails."
        click.confirm(f"{cost} Train at Amazon?", abort=True, err=True)
    return queue_training_at_amazon(
        pipeline(), job_queue(), project, COMMAND_LINE, distribute=distribute
    )


def _line(project: "Project", version: "ModelVersion") -> str:
    f1 = "F1 " + _figure(version.evaluation.overall, "f1") if version.evaluation else ""
    default = "default" if version.is_default else ""
    parts = (project.name, str(version.number), version.state, f1, default, version.state_message)
    return "  ".join(printable(part) for part in parts if part)


def _table(evaluation: "Evaluation") -> str:
    """Return the figures as text: a line for each label, and one for all."""
    lines = [
        f"{evaluation.pictures} test pictures; thresholds from {evaluation.thresholds_from}.",
        f"{'label':24} {'threshold':>9}  {'F1':20}{'precision':20}{'recall':20}{'AP':20}",
    ]
    for one in evaluation.labels:
        lines.append(
            f"{printable(one.label):24} {one.threshold:9.2f}  {_columns(one.figures)}"
            + ("" if one.figures.is_enough else "  too few pictures to mean anything")
        )
    lines.append(f"{'all together':24} {'':9}  {_columns(evaluation.overall)}")
    mistakes = ", ".join(f"{kind} {n}" for kind, n in evaluation.mistake_counts.items() if n)
    return "\n".join([*lines, f"Mistakes: {mistakes or 'none'}."])


def _columns(figures: "Figures") -> str:
    names = ("f1", "precision", "recall", "average_precision")
    return "".join(f"{_figure(figures, name):20}" for name in names).rstrip()


def _figure(figures: "Figures", name: str) -> str:
    value, ends = getattr(figures, name), figures.intervals.get(name)
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" ({ends[0]:.2f}-{ends[1]:.2f})" if ends else "")
