"""How the embedded detector is made, as far as no training is needed to try it."""

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rubberduck.core.settings import ROOT
from tests.support.pictures import corners, encoded, exif
from training import photos
from training.backgrounds import road, wall, water
from training.photos import gather, listed
from training.rounding import rounded
from training.scenes import Canvas, Scene, Stage, extent, letterbox, view
from training.sprites import CASTS, Player, play


@pytest.fixture(scope="module")
def players() -> dict[str, Player]:
    """One of each cast."""
    made = {name: play(make, (1, 2, 3)) for name, make in CASTS.items()}
    return {name: player for name, player in made.items() if player is not None}


@pytest.fixture(scope="module")
def stage(players: dict[str, Player]) -> Stage:
    ducks, others = ([p for p in players.values() if p.is_duck == is_duck] for is_duck in (1, 0))
    photos = [wall((640, 480), np.random.default_rng(i)) for i in range(3)]
    return Stage(ducks, others, photos)


def scene(stage: Stage, seed: int) -> Scene:
    return view(stage, np.random.default_rng(seed))


def test_every_cast_can_be_rendered(players: dict[str, Player]) -> None:
    assert set(players) == set(CASTS)
    assert {name for name, player in players.items() if player.is_duck} == {"ducks", "characters"}
    for player in players.values():
        assert (player.sprite.extra[..., 3] > 0).mean() > 0.2


def test_the_same_seed_makes_the_same_duck_and_the_same_scene(
    stage: Stage, players: dict[str, Player]
) -> None:
    again = play(CASTS["characters"], (1, 2, 3))
    assert again is not None
    assert (again.sprite.colour == players["characters"].sprite.colour).all()
    one, other = scene(stage, 5), scene(stage, 5)
    assert one.boxes == other.boxes
    assert (np.asarray(one.image) == np.asarray(other.image)).all()


def test_boxes_lie_in_the_scene_and_only_where_ducks_are(stage: Stage) -> None:
    scenes = [scene(stage, seed) for seed in range(60)]
    assert {made.kind for made in scenes} == {"ducks", "others", "photo"}
    assert any(made.boxes for made in scenes)
    for made in scenes:
        assert made.kind == "ducks" or not made.boxes
        width, height = made.image.size
        for left, top, right, bottom in made.boxes:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height


def test_a_box_begins_where_the_duck_does(stage: Stage) -> None:
    """Shadows fall below and beside a duck, never over its head."""
    for seed in range(20):
        canvas = Canvas(stage, np.random.default_rng(seed))
        before = np.asarray(canvas.image).astype(int)
        canvas.place(stage.ducks[seed % len(stage.ducks)], 0.4, wet=False)
        changed = (np.abs(np.asarray(canvas.image) - before).max(2) > 2).any(1)
        box = extent(canvas.masks[0])
        assert box is not None
        assert abs(int(changed.argmax()) - box[1]) <= 4


def test_a_letterbox_moves_the_boxes_along(stage: Stage) -> None:
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
    told = {
        ("pypi", f"{name}=={version}") if pypi else ("npm", f"{name}@{version}"): int(count)
        for name, pypi, version, _, count in rows
    }
    assert told == {package: len(paths) for package, paths in listed().items()}
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
    whole = rounded(rows, inputs.T @ inputs / len(inputs), 64)
    assert (whole == np.round(whole)).all()

    def apart(others: np.ndarray) -> float:
        return float(np.square(inputs @ (others - rows).T).mean())

    assert apart(whole) < apart(np.round(rows)) / 2


def test_no_weight_is_rounded_beyond_the_most() -> None:
    rows = np.array([[-90.0, 64.4, 0.2]])
    assert rounded(rows, np.eye(3), 64).tolist() == [[-64, 64, 0]]
