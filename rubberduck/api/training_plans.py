"""The API of what a training of a project would do, before one is started."""

from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.models import Count
from rubberduck.web.deps import text
from rubberduck.web.model_hosting import training_price
from rubberduck.web.models import database, projects, settled_versions
from rubberduck.web.operators import require_labeller
from rubberduck.web.responses import as_json


@body_class
class TrainingFindingBody:
    """What stands in the way of a training, or makes its figures doubtful."""

    message: str
    is_fatal: Annotated[bool, Field(description="no training starts")]


@body_class
class TrainingPlanBody:
    """What a training now would do."""

    can_train: bool
    findings: tuple[TrainingFindingBody, ...]
    train: Annotated[int, Field(ge=0, description="labelled pictures to train with")]
    validation: Annotated[int, Field(ge=0, description="to choose thresholds")]
    test: Annotated[int, Field(ge=0, description="to measure it")]
    estimated_seconds: Annotated[Count, Field(description="on the site's own machine, for free")]
    dollars_per_hour_at_amazon: Annotated[
        str | None, Field(description="“about”: not verified; null: Custom Labels is switched off")
    ]


@api.get("/projects/<id>/training-plan")
def get_training_plan(id: str) -> ResponseReturnValue:
    """Return what a training now would do. With 100,000 pictures it takes seconds."""
    from rubberduck.custom_models.dataset import SPLITS
    from rubberduck.services.training_queue import estimated_seconds, set_of

    require_labeller()
    project = projects().get(id)
    training_set = set_of(database(), project)
    findings = training_set.findings()
    sides = {side: len(training_set.on(side)) for side in SPLITS}
    seconds = estimated_seconds(len(training_set.pictures), settled_versions(project))
    return as_json(
        TrainingPlanBody(
            can_train=not any(finding.is_fatal for finding in findings),
            findings=tuple(
                TrainingFindingBody(text(each.text).format(**each.values), each.is_fatal)
                for each in findings
            ),
            estimated_seconds=round(seconds),
            dollars_per_hour_at_amazon=training_price(),
            **sides,
        )
    )
