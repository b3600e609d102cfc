"""A folder is watched: each picture is taken once, when it is whole."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rubberduck.core.errors import DetectorFailed, PictureRefused, Unavailable
from rubberduck.events.watched_folder import REST_SECONDS, FolderInUse, WatchedFolder, is_written
from rubberduck.services.pipeline import Pipeline
from tests.support.fake_detector import FakeDetector
from tests.support.pictures import encoded, tiny


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(pipeline: Pipeline, tmp_path: Path, clock: Clock) -> WatchedFolder:
    return WatchedFolder(pipeline, tmp_path / "photos", clock)


def rested(watched: WatchedFolder, clock: Clock) -> list[str]:
    """Scan, let the files rest, and scan again; return the names that were answered."""
    return [outcome.name for outcome in scans(watched, clock)]


def scans(watched: WatchedFolder, clock: Clock) -> Iterator[Any]:
    yield from watched.scan()
    clock.now += REST_SECONDS
    yield from watched.scan()


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_picture_is_found_in_out_with_its_answer_beside_it(
    watched: WatchedFolder, clock: Clock
) -> None:
    (watched.folder / "in" / "beach").mkdir()
    (watched.folder / "in" / "beach" / "ü 1.jpg").write_bytes(encoded())
    (watched.folder / "in" / "notes.txt").write_text("no picture")
    assert sorted(rested(watched, clock)) == ["beach/ü 1.jpg", "notes.txt"]
    out, failed = watched.folder / "out", watched.folder / "failed"
    beside = ["beach/ü 1.jpg", "beach/ü 1.jpg.json", "beach/ü 1.jpg.marked.jpg"]
    assert files(out) == beside
    answer = json.loads((out / "beach/ü 1.jpg.json").read_text())
    assert (answer["found"], answer["file"], answer["width"]) == (True, "beach/ü 1.jpg", 160)
    with Image.open(out / "beach/ü 1.jpg.marked.jpg") as marked:
        assert marked.size == (160, 120)
    assert files(failed) == ["notes.txt", "notes.txt.json"]
    reason = json.loads((failed / "notes.txt.json").read_text())["error"]
    assert reason["type"] == "not-a-picture"
    assert files(watched.folder / "in") == []
    assert watched.is_idle


def test_a_file_is_taken_when_it_is_whole(
    watched: WatchedFolder, clock: Clock, detector: FakeDetector
) -> None:
    picture, data = watched.folder / "in" / "slow.jpg", encoded()
    with picture.open("wb", buffering=0) as writer:
        for start in range(0, len(data), len(data) // 3 + 1):
            writer.write(data[start : start + len(data) // 3 + 1])
            assert rested(watched, clock) == []  # it rests, but somebody has it open
        assert is_written(picture)
    assert rested(watched, clock) == ["slow.jpg"]
    assert detector.calls == 1


def test_a_file_that_grows_between_two_looks_is_left(watched: WatchedFolder, clock: Clock) -> None:
    """As on a network drive, where nobody can tell who writes."""
    picture, data = watched.folder / "in" / "slow.jpg", encoded()
    for length in range(100, len(data), len(data) // 4):
        picture.write_bytes(data[:length])
        os.utime(picture, ns=(0, length))
        assert list(watched.scan()) == []
        clock.now += REST_SECONDS
    picture.write_bytes(data)
    assert rested(watched, clock) == ["slow.jpg"]
    assert json.loads((watched.folder / "out/slow.jpg.json").read_text())["found"] is True


def test_what_is_renamed_or_replaced_is_answered_once_and_whole(
    watched: WatchedFolder, clock: Clock, detector: FakeDetector
) -> None:
    inbox = watched.folder / "in"
    (inbox / "a.jpg.part").write_bytes(tiny(1))
    assert rested(watched, clock) == []  # its name says that it is not whole
    (inbox / "a.jpg.part").rename(inbox / "a.jpg")
    assert list(watched.scan()) == []
    (watched.folder / "new").write_bytes(tiny(2))
    (watched.folder / "new").replace(inbox / "a.jpg")
    assert rested(watched, clock) == ["a.jpg"]
    assert (watched.folder / "out/a.jpg").read_bytes() == tiny(2)
    assert detector.calls == 1
    # Another picture of the same name replaces nothing.
    (inbox / "a.jpg").write_bytes(tiny(3))
    assert rested(watched, clock) == ["a.jpg"]
    assert (watched.folder / "out/a.jpg").read_bytes() == tiny(2)
    assert (watched.folder / "out/a-2.jpg").read_bytes() == tiny(3)


def test_links_and_hidden_files_are_left(
    watched: WatchedFolder, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "secret.jpg").write_bytes(encoded())
    (watched.folder / "in" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (watched.folder / "in" / ".hidden.jpg").write_bytes(encoded())
    assert rested(watched, clock) == []


def test_what_a_killed_watcher_had_taken_is_answered_by_the_next(
    watched: WatchedFolder, clock: Clock, detector: FakeDetector
) -> None:
    class Killed(BaseException): ...

    class Deadly(FakeDetector):
        def labels(self, picture: Any) -> Any:
            raise Killed

    (watched.folder / "in" / "a.jpg").write_bytes(encoded())
    pipeline = watched.pipeline
    watched.pipeline = replace(pipeline, detector=Deadly())
    with pytest.raises(Killed):
        rested(watched, clock)
    following = WatchedFolder(pipeline, watched.folder, clock)
    assert [outcome.name for outcome in following.scan()] == ["a.jpg"]
    assert files(watched.folder / "out") == ["a.jpg", "a.jpg.json", "a.jpg.marked.jpg"]


def test_a_picture_that_the_detector_refuses_holds_no_other_up(
    watched: WatchedFolder, clock: Clock, detector: FakeDetector
) -> None:
    class Picky(FakeDetector):
        def labels(self, picture: Any) -> Any:
            if picture.image.size == (96, 80):
                raise PictureRefused("Unavailable.", cause="InvalidImageFormatException")
            return super().labels(picture)

    watched.pipeline = replace(watched.pipeline, detector=Picky(*detector.answer))
    (watched.folder / "in" / "a.png").write_bytes(tiny(1))
    (watched.folder / "in" / "b.jpg").write_bytes(encoded())
    assert rested(watched, clock) == ["a.png", "b.jpg"]
    reason = json.loads((watched.folder / "failed" / "a.png.json").read_text())["error"]["why"]
    assert "InvalidImageFormatException" in reason
    assert (watched.folder / "out" / "b.jpg").exists()


def test_while_the_detector_fails_pictures_wait(
    watched: WatchedFolder, clock: Clock, detector: FakeDetector
) -> None:
    class Failing(FakeDetector):
        def labels(self, picture: Any) -> Any:
            raise DetectorFailed("The detector failed.", cause="throttled")

    (watched.folder / "in" / "a.jpg").write_bytes(encoded())
    working, watched.pipeline = watched.pipeline, replace(watched.pipeline, detector=Failing())
    with pytest.raises(Unavailable):
        rested(watched, clock)
    watched.pipeline = working
    assert [outcome.name for outcome in watched.scan()] == ["a.jpg"]


def test_two_watchers_of_one_folder_are_refused(watched: WatchedFolder) -> None:
    with watched.lock(), pytest.raises(FolderInUse), watched.lock():
        pass
