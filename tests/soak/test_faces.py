"""How good the embedded face finder is, on photographs of public packages; `make soak`.

The list, tests/soak/faces.tsv, was fixed before anything was measured on it. docs/faces-figures.md
has the figures.
"""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rubberduck.core.faces import Face
from rubberduck.faces.embedded import FOLDER, NETWORKS, EmbeddedFaces
from rubberduck.imaging.decode import decode_picture
from tests.support import face_pictures
from tests.support.face_pictures import Photograph, SeenFace
from training.faces.convert import networks

MIN_PACKAGES, MIN_PHOTOGRAPHS, MIN_NO_FACE = 20, 30, 89
MAX_BYTES, MAX_SIDE, MIN_SIDE = 15_000_000, 2048, 80


@dataclass(frozen=True)
class Measured:
    """The faces found in one photograph, and the processor time that it took."""

    photograph: Photograph
    found: tuple[Face, ...]
    seconds: float

    def match(self, seen: SeenFace) -> Face | None:
        return next((face for face in self.found if seen.is_at(face.box)), None)

    @property
    def false(self) -> list[Face]:
        """Return what was found where nobody saw a face."""
        return [
            face
            for face in self.found
            if not any(seen.is_at(face.box) for seen in self.photograph.faces)
        ]


def measured() -> Iterator[Measured]:
    finder = EmbeddedFaces()
    for photograph, data in face_pictures.pictures():
        picture = decode_picture(data, max_bytes=MAX_BYTES, max_side=MAX_SIDE, min_side=MIN_SIDE)
        finder.faces(picture)
        before = time.thread_time()
        found = finder.faces(picture).faces
        yield Measured(photograph, found, time.thread_time() - before)


@pytest.mark.soak
def test_faces_and_smiles_of_photographs_in_packages() -> None:
    results = list(measured())
    with_faces = [result for result in results if result.photograph.faces]
    without = [result for result in results if not result.photograph.faces]
    packages = {result.photograph.package for result in with_faces}
    if len(packages) < MIN_PACKAGES or len(without) < MIN_NO_FACE:
        pytest.skip(f"Only {len(packages)} of the listed packages could be downloaded here.")
    assert len(with_faces) >= MIN_PHOTOGRAPHS
    pairs = [(result, seen) for result in with_faces for seen in result.photograph.faces]
    plain = [(result, seen) for result, seen in pairs if not seen.is_hard]
    hard = [(result, seen) for result, seen in pairs if seen.is_hard]
    found = [pair for pair in plain if pair[0].match(pair[1])]
    missed = [result.photograph.name for result, seen in plain if not result.match(seen)]
    false = [result for result in without if result.found]
    print(f"\n{len(with_faces)} photographs with faces, of {len(packages)} packages")
    print(f"faces found: {len(found)} of {len(plain)}; missed in:", *missed, sep="\n  ")
    hard_found = sum(result.match(seen) is not None for result, seen in hard)
    print(f"hard ones (profile, covered, cut off, tiny): {hard_found} of {len(hard)}")
    extra = {result.photograph.name: len(result.false) for result in with_faces if result.false}
    print(f"found beside the faces: {extra}")
    print(f"{len(false)} false in {len(without)} without a face:")
    print(
        *(f"  {each.photograph.name} {each.found[0].box.confidence:.0f}" for each in false),
        sep="\n",
    )
    smiles = smiles_told(pairs, True)
    serious = smiles_told(pairs, False)
    print(f"smiles told: {sum(smiles)} of {len(smiles)}")
    between = smiles_told(pairs, None)
    print(f"smiles told of serious faces: {sum(serious)} of {len(serious)}")
    print(f"smiles told of those in between: {sum(between)} of {len(between)}")
    print_times(with_faces, without)
    assert len(found) == len(plain)
    assert len(false) <= len(without) * 2 / 89
    assert sum(smiles) >= 0.9 * len(smiles)
    assert sum(serious) <= 0.1 * len(serious)


@pytest.mark.soak
def test_the_networks_are_what_the_packages_make(tmp_path: Path) -> None:
    try:
        made = networks(tmp_path)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("The packages could not be downloaded here.")
    assert set(made) == set(NETWORKS)
    for name, data in made.items():
        assert data == (FOLDER / name).read_bytes(), f"{name} is not what `make faces` makes"


def smiles_told(pairs: list[tuple[Measured, SeenFace]], smiles: bool | None) -> list[bool]:
    """Return what is said of the found faces of which somebody said `smiles`."""
    faces = [result.match(seen) for result, seen in pairs if seen.smiles is smiles]
    return [face.is_smiling for face in faces if face]


def print_times(with_faces: list[Measured], without: list[Measured]) -> None:
    one = sorted(result.seconds for result in with_faces if len(result.found) == 1)
    none = sorted(result.seconds for result in without if not result.found)
    for name, times in (("one face", one), ("no face", none)):
        print(f"processor time with {name}: median {1000 * times[len(times) // 2]:.1f} ms")
