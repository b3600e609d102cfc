"""Labels of one's own: pages of large projects, and answers and trainings of models."""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any
from unittest.mock import patch

import click
from flask.testing import FlaskClient
from PIL import Image

from bench.harness.dataset import fill_project
from bench.harness.figures import Aim, Comparison, Figures, Measured
from bench.harness.fixtures import CAMERA_FRAME, photo
from bench.harness.measuring import Work, compare_times
from bench.harness.own_site import site_with_emulator
from bench.peers.environment import load_peer
from bench.peers.torch_heads import TorchTraining
from rubberduck.core.resources import available_cpus
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import EmbeddedModel, load
from rubberduck.custom_models.projects import Projects
from rubberduck.custom_models.training import (
    TrainedModel,
    TrainingPicture,
    dense_head,
    train,
    trainer,
)
from rubberduck.detectors.embedded import OnnxDetector
from rubberduck.imaging.decode import Picture
from rubberduck.services.pipeline import Pipeline
from tests.support.emulator import JSON, PATH, TARGET
from tests.support.objects import LABELS, Drawn, draw_picture, draw_project
from tests.support.operators import sign_in

FEW, MANY = 100, 100_000
CALLS = 5  # of each address, one after another
PAGES = {
    "the project's page": "/projects/{id}",
    "the page to label": "/projects/{id}/label",
    "the API's list": "/api/v1/projects/{id}/pictures",
}
ENTRIES = "ListDatasetEntries of the emulator"
LEARNT, ASKED = 60, 20  # pictures
TESTED = 60  # pictures of either kind
OTHERS = 1000  # the number of the first picture that is asked about, and was not learnt from


def entries(rounds: int = 15, few: int = FEW, many: int = MANY) -> Iterator[Measured]:
    """The first pages of a project with many pictures, beside one with few."""
    with site_with_emulator() as (site, pipeline):
        client = site.test_client()
        sign_in(client)
        projects = {count: _project(client, pipeline, count) for count in (many, few)}
        for what, path in PAGES.items():
            works = {
                f"{count:,} pictures": partial(_get, client, path.format(id=id))
                for count, (id, _) in projects.items()
            }
            yield compare_times(f"{CALLS} × {what}", works, rounds, Aim(1.2))
        works = {
            f"{count:,} pictures": partial(_list_entries, client, arn)
            for count, (_, arn) in projects.items()
        }
        yield compare_times(f"{CALLS} × {ENTRIES}", works, rounds, Aim(1.2))


def _project(client: FlaskClient, pipeline: Pipeline, pictures: int) -> tuple[str, str]:
    """Return the id of a project with so many pictures, and the ARN of its training data set."""
    database = pipeline.results.database
    project = Projects(database).create(f"things-{pictures}", "boxes", LABELS, "bench")
    (found,) = _ask(client, "DescribeProjects", ProjectNames=[project.name])["ProjectDescriptions"]
    arns = [
        _ask(client, "CreateDataset", ProjectArn=found["ProjectArn"], DatasetType=side)
        for side in ("TRAIN", "TEST")
    ]
    fill_project(database, project, pictures)
    return project.id, arns[0]["DatasetArn"]


def _ask(client: FlaskClient, operation: str, **given: Any) -> dict[str, Any]:
    headers = {"X-Amz-Target": TARGET + operation}
    answer = client.post(PATH, json=given, headers=headers, content_type=JSON)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))


def _get(client: FlaskClient, address: str) -> None:
    for _ in range(CALLS):
        assert client.get(address).status_code == 200


def _list_entries(client: FlaskClient, arn: str) -> None:
    for _ in range(CALLS):
        assert len(_ask(client, "ListDatasetEntries", DatasetArn=arn)["DatasetEntries"]) == FEW


def custom_answer(rounds: int = 15) -> Iterator[Measured]:
    """The answers of models of one's own, beside the duck detector's, to the same pictures.

    The first model has no zoomed passes, because cross-validation finds that they do not pay for
    these pictures; the other one is made to keep them.
    """
    learnt, detector = [_to_learn(each) for each in draw_project(LEARNT)], OnnxDetector()
    things = [_image(draw_picture(OTHERS + n).jpeg) for n in range(ASKED)]
    shown = {
        "that show its things": things,
        "that show none": [_image(draw_picture(OTHERS + n, ()).jpeg) for n in range(ASKED)],
        "of a duck": [_image(photo(CAMERA_FRAME))] * ASKED,
    }

    def compare(model: EmbeddedModel, what: str, images: list[Image.Image]) -> Measured:
        pictures = [Picture(image, image.size) for image in images]
        works: dict[str, Work] = {
            "model": partial(_each, model.predict, images),
            "duck detector": partial(_each, detector.labels, pictures),
        }
        return compare_times(f"{ASKED} decoded pictures {what}", works, rounds, Aim(1.3))

    model = load(train(learnt, LABELS).onnx)
    for what, images in shown.items():
        yield compare(model, what, images)
    with patch.object(trainer, "LEAST_GAIN", -1.0):
        zooming = load(train(learnt, LABELS).onnx)
    yield compare(zooming, "that show its things, with zoomed passes", things)


def training(rounds: int = 5) -> Iterator[Measured]:
    """A training of 60 pictures with boxes, beside the same heads trained with torch.

    The features' time is in both, and both train folds and heads at once on all processors; torch
    has as many threads for each as there are processors, with which it is a little faster than with
    one. torch is no requirement: `.venv-bench/bin/pip install torch`, on Linux from its index for
    processors alone.
    """
    if (torch := load_peer("torch")) is None:
        click.echo("The training beside torch is skipped: it is not in .venv-bench.", err=True)
        return
    trained = {
        "ours": partial(_train, None),
        "torch": partial(_train, TorchTraining(torch, available_cpus())),
    }
    ours, other = (
        Figures(name, (_f1(load(train_once().onnx)),)) for name, train_once in trained.items()
    )
    note, aim = f"{TESTED} drawn pictures with a mug, {TESTED} without", Aim(0.97, at_least=True)
    yield Comparison("F1 of whole pictures", "", ours, other, aim, note=note)
    what = f"A training of {LEARNT} pictures with boxes"
    yield compare_times(what, trained, rounds, Aim(0.5), "the features' time in both")


def _train(instead: TorchTraining | None) -> TrainedModel:
    with patch.object(dense_head, "_train", instead or dense_head._train):
        return train([_to_learn(each) for each in draw_project(LEARNT)], LABELS)


def _f1(model: EmbeddedModel) -> float:
    """Return how well a model tells unseen pictures with its things from those without."""
    hits, alarms = (
        sum(
            any(score >= model.thresholds[label] for label, score in model.predict(image).labels)
            for image in (_image(draw_picture(OTHERS + n, labels).jpeg) for n in range(TESTED))
        )
        for labels in (LABELS[:1], ())
    )
    return 2 * hits / (hits + alarms + TESTED)


def _to_learn(drawn: Drawn) -> TrainingPicture:
    boxes = tuple(Box(label, *sides) for label, sides in drawn.boxes)
    return TrainingPicture(partial(_image, drawn.jpeg), boxes)


def _image(jpeg: bytes) -> Image.Image:
    with Image.open(BytesIO(jpeg)) as image:
        return image.convert("RGB")


def _each(look: Callable[[Any], object], pictures: list[Any]) -> None:
    for picture in pictures:
        look(picture)
