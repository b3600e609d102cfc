"""Teach two things other than ducks with twelve pictures, and ask about new ones."""

import json
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from rubberduck.core import models
from rubberduck.custom_models.dataset import Box
from rubberduck.custom_models.embedded_model import (
    EmbeddedModel,
    PredictedBox,
    load,
)
from rubberduck.custom_models.training import (
    TrainedModel,
    TrainingPicture,
    background,
    dense_head,
    embedding,
    parallel,
    train,
    trainer,
)
from rubberduck.custom_models.training.dense_head import COMPONENTS
from rubberduck.custom_models.training.embedding import Embedded
from rubberduck.custom_models.training.errors import NothingToTrain
from rubberduck.custom_models.training.views import ZOOM
from rubberduck.custom_models.trunk import CELLS, CHANNELS, POOLED, shipped_trunk, with_outputs
from rubberduck.custom_models.version_errors import InvalidModelFile, TrunkMismatch
from rubberduck.custom_models.zoomed_passes import Zoom
from tests.support.ducks import gradient
from tests.support.rendered_things import THINGS as LABELS
from tests.support.rendered_things import Cut, rendered_things


@pytest.fixture(scope="module")
def things() -> Cut:
    return rendered_things()


def picture(things: Cut, number: int) -> TrainingPicture:
    """One of the two things at a random place of a soft background."""
    rng = np.random.default_rng(number)
    label = LABELS[number % 2]
    scene = gradient((400, 300))
    if number % 3:
        scene = Image.blend(scene, Image.new("RGB", scene.size, (150, 120, 60)), 0.5)
    cut = things[label][rng.integers(4)]
    side = rng.uniform(70, 160) / max(cut.size)
    cut = cut.resize((int(cut.width * side), int(cut.height * side)))
    left = int(rng.integers(0, scene.width - cut.width))
    top = int(rng.integers(0, scene.height - cut.height))
    scene.paste(cut, (left, top), cut)
    box = Box(label, left, top, *cut.size)
    return TrainingPicture(lambda: scene, (box,), group=number)


@pytest.fixture(scope="module")
def few_backgrounds() -> Any:
    """A tenth of the backgrounds that ship and a part of the training, to keep the test short."""
    some = background.backgrounds()[::10]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "backgrounds", lambda: some)
        patch.setattr(embedding, "VIEWS", 4)
        patch.setattr(embedding, "ZOOMED_VIEWS", 2)
        patch.setattr(embedding, "ZOOMED_BACKGROUNDS", 1)
        patch.setattr(trainer, "FOLDS", 2)
        patch.setattr(trainer, "LEAST_GAIN", -1.0)  # zoomed passes always pay
        patch.setattr(dense_head, "EPOCHS", 8)
        patch.setattr(dense_head, "STEPS_OF_AN_EPOCH", 25)
        yield


@pytest.fixture
def few_views(monkeypatch: pytest.MonkeyPatch, few_backgrounds: None) -> None:
    monkeypatch.setattr(embedding, "VIEWS", 2)
    monkeypatch.setattr(trainer, "MANY_SMALL", 2)  # no zoomed passes
    monkeypatch.setattr(dense_head, "EPOCHS", 4)
    some = background.backgrounds()[::5]
    monkeypatch.setattr(background, "backgrounds", lambda: some)


@pytest.fixture(scope="module")
def model(things: Cut, few_backgrounds: None) -> TrainedModel:
    return train([picture(things, number) for number in range(12)], LABELS, seed=1)


def overlap(box: PredictedBox, truth: Box, size: tuple[int, int]) -> float:
    width, height = size
    said = models.Box(box.left, box.top, box.width, box.height, "", 0)
    sides = truth.left / width, truth.top / height, truth.width / width, truth.height / height
    return said.overlap(models.Box(*sides, "", 0))


def test_it_finds_both_things_on_new_pictures_and_nothing_where_there_is_nothing(
    model: TrainedModel, things: Cut
) -> None:
    loaded = load(model.onnx)
    assert loaded.labels == LABELS
    assert (loaded.kind, loaded.seed, len(model.onnx) < 1_000_000) == ("boxes", 1, True)
    assert set(loaded.thresholds) == set(LABELS)
    right = good = 0
    for number in range(100, 112):
        shown = picture(things, number)
        image, truth = shown.load(), shown.boxes[0]
        best = loaded.predict(image).boxes[0]
        right += best.label == truth.label and best.score >= loaded.thresholds[best.label]
        good += overlap(best, truth, image.size) >= 0.5
    assert right >= 10
    assert good >= 8
    false = 0
    for path in background.FOLDER.glob("painted-*[05].jpg"):
        said = dict(loaded.predict(background.read(path)).labels)
        false += any(said.get(label, 0) >= loaded.thresholds[label] for label in LABELS)
    assert false <= 4  # of 20


def test_the_same_pictures_and_seed_give_the_same_bytes_on_any_number_of_cpus(
    things: Cut, few_views: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [picture(things, number) for number in range(4)]
    told: list[float] = []
    files = []
    for cpus in (1, 4):
        monkeypatch.setattr(parallel, "available_cpus", lambda cpus=cpus: cpus)
        told.clear()
        files.append(train(some, LABELS, seed=1, progress=lambda done, _: told.append(done)).onnx)
        assert told == sorted(told)
        assert told[-1] == 100
    assert files[0] == files[1]


def test_whole_pictures_are_taught_by_their_labels(things: Cut, few_views: None) -> None:
    some = [picture(things, number) for number in range(14)]
    some = [replace(p, labels=(p.boxes[0].label,), boxes=()) for p in some]
    loaded = load(train(some, LABELS, "pictures").onnx)
    said = [loaded.predict(picture(things, number).load()) for number in range(100, 112)]
    right = sum(p.labels[0][0] == LABELS[i % 2] for i, p in enumerate(said))
    assert right >= 10
    assert not any(p.boxes for p in said)


def test_a_model_is_never_loaded_over_another_trunk(model: TrainedModel) -> None:
    shipped = shipped_trunk()
    other = object.__new__(type(shipped))
    other.__dict__.update(shipped.__dict__, sha256="0" * 64)
    with pytest.raises(TrunkMismatch):
        EmbeddedModel(model.onnx, other)
    with pytest.raises(InvalidModelFile):
        load(model.onnx[:1000])
    with pytest.raises(InvalidModelFile):
        load(b"")


def as_second_format(data: bytes) -> bytes:
    """Return a file as the second release wrote it: the head's input is one map of all cells."""
    model = onnx.load_from_string(data)
    graph = model.graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    matrix = np.concatenate(
        [
            weights["of_fine_half"].transpose(0, 2, 3, 1).reshape(COMPONENTS, -1),
            *(weights[f"of_{name}_half"][..., 0, 0] for name in ("middle", "coarse")),
        ],
        1,
    )[..., None, None].astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(matrix, "projection"))
    made = next(n for n, node in enumerate(graph.node) if node.output[0] == "components")
    graph.node[made].CopyFrom(
        helper.make_node("Conv", ["cells", "projection", "offset"], ["components"])
    )
    del graph.input[:]
    shape = [1, CHANNELS, CELLS, CELLS]
    graph.input.append(helper.make_tensor_value_info("cells", TensorProto.FLOAT, shape))
    kept = {each.key: each.value for each in model.metadata_props}
    helper.set_model_props(model, kept | {"format": "2"})
    return with_outputs(model.SerializeToString(), tuple(each.name for each in graph.output))


def as_first_format(data: bytes) -> bytes:
    """Return a file as the first release wrote it: with a logit of the picture as a whole."""
    model = onnx.load_from_string(as_second_format(data))
    weights = np.full((POOLED, len(LABELS)), 0.01, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weights, "picture_weight"))
    model.graph.node.append(helper.make_node("MatMul", ["pooled", "picture_weight"], ["picture"]))
    shapes = (model.graph.input, "pooled", POOLED), (model.graph.output, "picture", len(LABELS))
    for values, name, width in shapes:
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width]))
    for each in [*model.graph.output, *model.graph.node]:
        if each.name == "zoomed":
            each.name = "closer"
        if isinstance(each, onnx.NodeProto) and each.output[0] == "zoomed":
            each.output[0] = "closer"
    kept = {each.key: each.value for each in model.metadata_props}
    slopes = json.loads(kept["calibrations"])
    kept |= {"format": "1", "looks_closer": "yes" if kept.pop("zoom") else "no"}
    kept["calibrations"] = json.dumps([[0.9 * slope, 0.1, offset] for slope, offset in slopes])
    helper.set_model_props(model, kept)
    return bytes(model.SerializeToString())


def test_a_file_of_the_first_format_still_answers(model: TrainedModel, things: Cut) -> None:
    loaded = load(as_first_format(model.onnx))
    right = 0
    for number in range(100, 106):
        shown = picture(things, number)
        best = loaded.predict(shown.load()).boxes[0]
        right += best.label == shown.boxes[0].label
    assert right >= 5


def test_a_file_of_the_second_format_answers_as_before(model: TrainedModel, things: Cut) -> None:
    """Projecting each map at its own stride is the same as projecting all cells."""
    second = load(as_second_format(model.onnx))
    for number in range(100, 104):
        image = picture(things, number).load()
        said, before = load(model.onnx).predict(image).boxes, second.predict(image).boxes
        assert len(said) == len(before) > 0
        for one, other in zip(said, before, strict=True):
            assert astuple(one)[1:] == pytest.approx(astuple(other)[1:], abs=0.01)


def test_a_pass_runs_one_head_alone(model: TrainedModel) -> None:
    """onnxruntime runs all nodes of a graph, whichever output is asked for."""
    whole = onnx.load_from_string(model.onnx)
    assert {output.name for output in whole.graph.output} == {"dense", "zoomed"}
    cut = onnx.load_from_string(with_outputs(model.onnx, ("dense",)))
    assert not [node for node in cut.graph.node if node.output[0].startswith("zoomed")]


@pytest.mark.parametrize(("zoomed_right", "expected"), [(3, None), (4, ZOOM)])
def test_zoomed_passes_are_kept_where_cross_validation_says_that_they_pay(
    things: Cut, monkeypatch: pytest.MonkeyPatch, zoomed_right: int, expected: Zoom | None
) -> None:
    monkeypatch.setattr(trainer, "LEAST_GAIN", 0.0)  # as it is, without few_backgrounds
    shown = np.array([0, 1])

    def known(right: int) -> trainer.Known:
        """Return four pictures with both labels, of which so many are found."""
        image = Image.new("RGB", (100, 100))
        corners = np.array([[0, 0, 9, 9], [9, 9, 20, 20]], np.float32)
        none = np.zeros((0, 2), np.float32)
        each = Embedded(None, lambda: image, (100, 100), corners, shown, none, [], [], none, none)
        score = np.zeros(2, np.float32)
        return [
            (each, trainer.Answers(shown, score + number, np.array([number < right] * 2)))
            for number in reversed(range(4))
        ]

    training = trainer._Training([picture(things, n) for n in range(2)], LABELS, "boxes", 1, print)
    assert training._chosen_zoom({None: known(3), ZOOM: known(zoomed_right)}) == expected


def test_a_version_whose_zoomed_passes_do_not_pay_has_no_head_for_them(
    things: Cut, few_views: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "MANY_SMALL", 0.0)
    monkeypatch.setattr(trainer, "LEAST_GAIN", 2.0)
    trained = train([picture(things, number) for number in range(4)], LABELS, seed=1)
    file = onnx.load_from_string(trained.onnx)
    assert [output.name for output in file.graph.output] == ["dense"]
    assert load(trained.onnx).predict(picture(things, 100).load()).boxes


class Cancelled(Exception):
    pass


def cancel_at(percent: float) -> Callable[[float, str], None]:
    def progress(done: float, sentence: str) -> None:
        if done >= percent:
            raise Cancelled

    return progress


def test_a_training_ends_where_its_progress_says_so(things: Cut, few_views: None) -> None:
    some = [picture(things, number) for number in range(4)]
    for percent in (0, 45):
        with pytest.raises(Cancelled):
            train(some, LABELS, progress=cancel_at(percent))
        assert not [each for each in threading.enumerate() if "training" in each.name]


@pytest.mark.parametrize(("megabytes", "threads"), [(500, 1), (1000, 2), (16_000, 4)])
def test_where_memory_is_short_fewer_threads_train(
    monkeypatch: pytest.MonkeyPatch, megabytes: int, threads: int
) -> None:
    monkeypatch.setattr(parallel, "available_cpus", lambda: 16)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (megabytes * 1_000_000,) * 2)
    together = threading.Barrier(threads)

    def meet(number: int) -> str:
        together.wait(60)  # in vain, with fewer threads
        return threading.current_thread().name

    names = parallel.map_parallel(meet, range(3 * threads), lambda done, of: None)
    assert len(set(names)) == threads


def test_what_runs_beside_a_part_that_fails_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "available_cpus", lambda: 2)
    ended = []

    def take_long(report: parallel.ReportShare) -> None:
        try:
            for done in range(1000):  # ten seconds, if nothing ends it
                report(done / 1000)
                time.sleep(0.01)
        except parallel.Stopped:
            ended.append(True)
            raise

    def fail(report: parallel.ReportShare) -> None:
        report(0.5)
        raise NothingToTrain("No picture is left.")

    with pytest.raises(NothingToTrain):
        parallel.run_parallel([take_long, fail], lambda share: None)
    assert ended == [True]


def test_a_label_that_no_picture_shows_is_named(things: Cut) -> None:
    with pytest.raises(NothingToTrain) as refused:
        train([picture(things, 0)], LABELS)
    assert refused.value.problem.why == "No picture for training shows teapot."
