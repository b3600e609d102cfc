"""The models of a project: training, the versions with their figures, and their comparison."""

from http import HTTPStatus

from flask import (
    Blueprint,
    flash,
    jsonify,
    redirect,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import NoSuchResult
from rubberduck.pages.mistakes import mistakes_of
from rubberduck.web.deps import job_queue, pipeline, text
from rubberduck.web.jobs import waits_for_worker
from rubberduck.web.models import (
    database,
    find_pictures,
    other_version,
    projects,
    settled_versions,
    summary_of,
    versions,
)
from rubberduck.web.operators import audit, audited, require_labeller, require_operator
from rubberduck.web.projects import project_pictures
from rubberduck.web.responses import as_drawing, private_page, stored_jpeg, with_etag

CHECKED_PICTURES = 2000  # labelled ones of a project that its page looks through unasked
models = Blueprint("models", __name__, url_prefix="/projects/<id>/models")


@models.get("")
def index(id: str) -> ResponseReturnValue:
    """Return the versions of a project, and what a training now would do."""
    from rubberduck.custom_models.dataset import SPLITS
    from rubberduck.services.training_queue import active_trainings, estimated_seconds, set_of

    require_labeller()
    project = projects().get(id)
    known = settled_versions(project)
    labelled = project_pictures().counts(id).labelled
    # Sorting thousands of pictures onto sides takes seconds; a training does it in any case.
    is_checked = labelled <= CHECKED_PICTURES or "check" in request.args
    training_set = set_of(database(), project) if is_checked else None
    active = active_trainings(job_queue().store, id)
    return private_page(
        "models.html",
        project=project,
        versions=known,
        labelled=labelled,
        findings=training_set.findings() if training_set else [],
        sides=training_set and {side: len(training_set.on(side)) for side in SPLITS},
        minutes=max(1, round(estimated_seconds(labelled, known) / 60)),
        job=active[0] if active else None,
        waits=bool(active) and waits_for_worker(active[0]),
    )


@models.post("")
def train(id: str) -> ResponseReturnValue:
    """Queue a training and show its job."""
    from rubberduck.services.training_queue import queue_training

    operator = require_operator()
    project = projects().get(id)
    job_id = queue_training(job_queue(), database(), project, operator.id)
    audit("model.train", project.id, job=job_id)
    flash(text("The training is queued."))
    return redirect(url_for("models.index", id=id), HTTPStatus.SEE_OTHER)


@models.get("/<int:number>")
def show(id: str, number: int) -> ResponseReturnValue:
    """Return how good a version is; with `?with=`, beside another one."""
    from rubberduck.custom_models.comparison import compare
    from rubberduck.services.training_queue import active_trainings

    require_labeller()
    project = projects().get(id)
    known = settled_versions(project)
    version = versions().get(id, number)
    other = other_version(known, number) if request.args.get("with") else None
    comparison = None
    if other and other.evaluation and version.evaluation:
        comparison = compare(other.evaluation, version.evaluation)
    active = active_trainings(job_queue().store, id)
    job = next((each for each in active if each.id == version.job_id), None)
    return private_page(
        "model.html",
        project=project,
        version=version,
        evaluation=version.evaluation,
        others=[each for each in known if each.evaluation and each.number != number],
        other=other,
        comparison=comparison,
        mistakes=mistakes_of(version) if version.evaluation else [],
        job=job,
        waits=job is not None and waits_for_worker(job),
    )


@models.get("/<int:number>/<chart>-<scheme>.svg")
def chart(id: str, number: int, chart: str, scheme: str) -> ResponseReturnValue:
    # Imported late: see pages.statistics.
    from rubberduck.evaluation.charts import SCHEMES
    from rubberduck.evaluation.model_charts import (
        ModelChartLabels,
        plot_calibration,
        plot_precision,
    )

    require_labeller()
    evaluation = versions().get(id, number).evaluation
    plots = {"precision": plot_precision, "calibration": plot_calibration}
    if evaluation is None or chart not in plots or scheme not in SCHEMES:
        raise NoSuchResult
    labels = ModelChartLabels(
        precision=text("precision"),
        recall=text("recall"),
        at_threshold=text("at the threshold"),
        others=text("other labels"),
        score=text("score of the answer (%)"),
        right=text("of these, right (%)"),
        ideal=text("as it should be"),
    )
    return with_etag(as_drawing(plots[chart](evaluation, SCHEMES[scheme], labels)))


@models.get("/<int:number>/EvaluationResultSummary.json")
def summary(id: str, number: int) -> ResponseReturnValue:
    """Return the figures as Amazon Rekognition Custom Labels writes them."""
    require_labeller()
    version = versions().get(id, number)
    if (found := summary_of(version)) is None:
        raise NoSuchResult
    response = jsonify(found)
    response.headers.set("Content-Disposition", "attachment", filename=f"{version.name}.json")
    return response


@models.get("/<int:number>/pictures/<picture_id>.jpg")
def picture(id: str, number: int, picture_id: str) -> ResponseReturnValue:
    """Return the preview of a picture that the version was measured with."""
    require_labeller()
    found = find_pictures(id, [picture_id])
    if picture_id not in found:
        raise NoSuchResult
    return stored_jpeg(found[picture_id].preview_key)


@models.post("/<int:number>/delete")
def delete(id: str, number: int) -> ResponseReturnValue:
    from rubberduck.services.training_queue import delete_version

    require_operator()
    with audited("model.delete", id, number=number):
        delete_version(pipeline(), id, number)
    flash(text("The version is deleted."))
    return redirect(url_for("models.index", id=id), HTTPStatus.SEE_OTHER)
