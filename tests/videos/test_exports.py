"""What was seen in a video as files, read by the programs that they are for."""

import contextlib
import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rubberduck.core.models import Box, Label
from rubberduck.core.rules import RUBBER_DUCK, Group, Question
from rubberduck.db.results import Results
from rubberduck.videos.exports import FORMATS, Exported, Format
from rubberduck.videos.models import Sample, VideoVerdict
from rubberduck.videos.store import Videos
from rubberduck.videos.timeline import judge_video
from tests.support.analysed_videos import (
    RATE,
    SIZE,
    add_video,
    duck_box,
    duck_sample,
    random_samples,
    swimming_ducks,
)


def exported(
    results: Results, samples: list[Sample], question: Question = RUBBER_DUCK, **changes: Any
) -> Exported:
    video = add_video(results.database, samples, question, **changes)
    assert video.info
    verdict = judge_video(question, samples, None, video.info.seconds)
    videos = Videos(results.database)
    return Exported(video, verdict, question.min_confidence, lambda: videos.samples(video.id))


def written(format: Format, export: Exported) -> str:
    return "".join(FORMATS[format].write(export))


def test_the_json_has_everything(results: Results) -> None:
    samples = swimming_ducks()
    body = json.loads(written("json", exported(results, samples)))
    assert (body["found"], body["distinct"], body["threshold"]) == (True, 2, 35.0)
    assert body["time_base"] == "1/1000"
    first, second = body["tracks"]
    assert (first["first_seconds"], first["end_seconds"]) == (1.0, 5.0)
    assert (second["first_seconds"], second["end_seconds"]) == (3.0, 7.0)
    assert len(first["sightings"]) == 20
    assert [sample["pts"] for sample in body["samples"]] == [sample.pts for sample in samples]
    assert {label["name"] for label in body["samples"][20]["labels"]} == {"Bird", "Toy", "Water"}


def test_the_json_of_nothing_is_json(results: Results) -> None:
    body = json.loads(written("json", exported(results, [])))
    assert (body["found"], body["tracks"], body["samples"]) == (False, [], [])


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_csv_has_a_row_for_each_segment(results: Results) -> None:
    table = rows(written("csv", exported(results, swimming_ducks())))
    objects = [row for row in table if row["kind"] == "object"]
    assert [(row["label"], row["number"], row["start"], row["end"]) for row in objects] == [
        ("Rubber duck", "1", "00:00:01.000", "00:00:05.000"),
        ("Rubber duck", "2", "00:00:03.000", "00:00:07.000"),
    ]
    labels = [row for row in table if row["kind"] == "label"]
    assert [(row["label"], row["start_seconds"], row["end_seconds"]) for row in labels] == [
        ("Water", "0.0", "8.0"),
        ("Bird", "1.0", "7.0"),
        ("Toy", "1.0", "7.0"),
    ]


def test_a_label_that_is_a_formula_does_nothing_in_a_spreadsheet(results: Results) -> None:
    name = '=HYPERLINK("https://evil.example";"a duck")'
    samples = [Sample(200 * n, n / RATE, (Label(name, 90.0, (), ("@SUM",)),)) for n in range(3)]
    (row,) = rows(written("csv", exported(results, samples)))
    assert row["label"] == f"'{name}"
    assert row["parents"] == "'@SUM"


PARSE_CHAPTERS = """async (source) => {
  const video = document.createElement("video");
  const track = document.createElement("track");
  track.kind = "chapters";
  track.src = URL.createObjectURL(new Blob([source], { type: "text/vtt" }));
  video.append(track);
  document.body.append(video);
  track.track.mode = "hidden";
  await new Promise((resolve, reject) => {
    track.onload = resolve;
    track.onerror = () => reject(new Error("not WebVTT"));
  });
  const told = (cue) => [cue.startTime, cue.endTime, cue.getCueAsHTML().textContent];
  return [...track.track.cues].map(told);
}"""


def test_chromium_reads_the_chapters(results: Results, browser: Browser) -> None:
    page = browser.new_page()
    found = page.evaluate(PARSE_CHAPTERS, written("vtt", exported(results, swimming_ducks())))
    assert found == [
        [1, 3, "Rubber duck 1"],
        [3, 5, "Rubber duck 1, Rubber duck 2"],
        [5, 7, "Rubber duck 2"],
    ]
    hostile = replace(RUBBER_DUCK, thing="<b>a & b --> c")
    chapters = written("vtt", exported(results, swimming_ducks(), hostile, id="another one"))
    assert page.evaluate(PARSE_CHAPTERS, chapters)[0] == [1, 3, "<b>a & b --> c 1"]
    page.close()


def test_a_moment_at_the_very_end_is_a_chapter(results: Results) -> None:
    samples = [duck_sample(n, duck_box(0.2)) for n in range(3)]
    export = exported(results, samples)
    (track,) = export.verdict.tracks
    moment = replace(track.sightings[-1], lasts=0.0)
    short = replace(track, first_seconds=moment.seconds, sightings=(moment,))
    chapters = written("vtt", replace(export, verdict=VideoVerdict(True, 95.0, (short,))))
    assert chapters == "WEBVTT\n\n00:00:00.400 --> 00:00:00.401\nRubber duck 1\n"


def test_pycocotools_finds_every_box(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "coco.json"
    edge = Box(-0.1, 0.9, 0.3, 0.3, "Bird", 95.0)  # reaches out of the picture
    samples = [*swimming_ducks(), *(duck_sample(n, edge) for n in range(60, 66))]
    file.write_text(written("coco", exported(results, samples)))
    content = json.loads(file.read_text())
    found = [
        {key: one[key] for key in ("image_id", "category_id", "bbox", "score")}
        for one in content["annotations"]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)  # average precision
    assert evaluation.stats[8] == pytest.approx(1)  # recall
    assert len(truth.getImgIds()) == len(samples)
    assert truth.loadCats(truth.getCatIds()) == [{"id": 1, "name": "Rubber duck"}]
    first = content["annotations"][0]
    image = truth.loadImgs(first["image_id"])[0]
    assert image["seconds"] == 1.0
    assert first["bbox"] == [round(0.0625 * SIZE[0], 2), 0.3 * SIZE[1], 128.0, 90.0]
    assert content["annotations"][-1]["bbox"] == [0.0, 324.0, 128.0, 36.0]
    assert {one["track_id"] for one in content["annotations"]} == {1, 2, 3}


def test_a_label_without_boxes_is_exported(results: Results) -> None:
    question = Question("Is there water?", (Group("water", any_of=("Water",)),), thing="Water")
    export = exported(results, swimming_ducks(), question)
    assert json.loads(written("coco", export))["annotations"] == []
    assert "00:00:00.000 --> 00:00:08.000\nWater 1" in written("vtt", export)


@pytest.mark.parametrize("format", FORMATS)
def test_memory_does_not_grow_with_the_video(results: Results, format: Format) -> None:
    export = exported(results, swimming_ducks())

    def peak(number: int) -> int:
        def read() -> Iterator[Sample]:
            return random_samples(0, number, ["Bird", "Toy", "Water"])

        longer = replace(export, samples=read)
        tracemalloc.start()
        length = sum(len(piece) for piece in FORMATS[format].write(longer))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most if length else 0

    peak(10)  # compiles what is compiled once
    assert peak(2_000) < 2 * peak(200) + 200_000
