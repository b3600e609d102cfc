"""The speed suite's own arithmetic, and its page; the times themselves are nobody's test."""

import json
import sqlite3
from pathlib import Path

import pytest

from bench import draw, plots, profile, report, rows
from bench.measure import Aim, Comparison, Figures, Growth, Parts, Sample, compared, growing
from rubberduck.db.results import Results

OURS, OTHER = Figures("ours", (2.0, 3.0, 10.0), (0.001, 0.002, 0.003)), Figures("peer", (1, 2, 20))
GROWTH = Growth("Questions", "ms", "rows", (1, 10, 100, 1000), {"ours": (5, 5, 5, 5)})


def test_figures_have_a_middle_and_ends() -> None:
    figures = Figures("ours", tuple(range(1, 12)))
    assert (figures.p10, figures.median, figures.p90) == (2, 6, 10)
    assert Figures("ours", (4.0,)).p90 == 4


def test_a_ratio_is_the_middle_of_the_rounds_ratios() -> None:
    assert Comparison("", "ms", OURS, OTHER).ratio == 1.5
    assert Comparison("", "ms", OURS).ratio is None


@pytest.mark.parametrize(
    ("aim", "figure", "met", "reached"),
    [
        (Aim(1.5, 1.15), 1.3, True, False),
        (Aim(1.5, 1.15), 1.1, True, True),
        (Aim(1.5, 1.15), 1.6, False, False),
        (Aim(5, at_least=True), 5.6, True, True),
        (Aim(2, 3, at_least=True), 2.5, True, False),
        (Aim(2, 3, at_least=True), 1.9, False, False),
    ],
)
def test_an_aim_is_met_from_its_own_side(aim: Aim, figure: float, met: bool, reached: bool) -> None:
    assert (aim.is_met(figure), aim.is_reached(figure)) == (met, reached)
    assert (aim.share(figure) <= 1) == met


def test_an_absolute_aim_looks_at_ours_alone() -> None:
    assert Comparison("", "s", OURS, OTHER, Aim(0.5, absolute=True)).aimed_at == 3
    assert Comparison("", "s", OURS, OTHER, Aim(0.5)).aimed_at == 1.5


def test_both_sides_take_turns_after_one_that_does_not_count() -> None:
    turns: list[str] = []

    def turn(name: str) -> Sample:
        turns.append(name)
        return Sample(len(turns))

    comparison = compared("", "", [("a", lambda: turn("a")), ("b", lambda: turn("b"))], 3)
    assert turns == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert comparison.ours.values == (3, 6, 7)
    assert comparison.other == Figures("b", (4, 5, 8))


def test_growth_tells_flat_from_linear_and_quadratic() -> None:
    sides = {"flat": (5, 5, 5), "linear": (1, 10, 100), "quadratic": (1, 100, 10_000)}
    growth = Growth("", "ms", "", (1, 10, 100), sides)
    assert {name: growth.exponent(name) for name in sides} == pytest.approx(
        {"flat": 0, "linear": 1, "quadratic": 2}
    )


def test_growing_measures_each_side_at_each_size() -> None:
    seen: list[float] = []
    growth = growing("", "", (1, 2), {"ours": lambda size: lambda: seen.append(size)}, 2)
    assert seen == [1, 2] * 3
    assert len(growth.sides["ours"]) == 2


def test_the_page_shows_the_figures_and_whether_the_aims_are_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"PAGE": "speed.md", "FIGURES": "speed/figures.jsonl", "FOLDER": "speed"}
    for name, file in files.items():
        monkeypatch.setattr(report, name, tmp_path / file)
    report.PAGE.write_text(f"# Speed\n{report.BEGIN}\nold\n{report.END}\nThe end.\n")
    report.write("draw", [Comparison("Boxes", "ms", OURS, OTHER, Aim(1.5, 1.2), 0.9)])
    report.write("db", [GROWTH])
    report.write("profile", [Parts("A picture", "%", {"pixels": 70.0, "the rest": 30.0})])
    page = report.PAGE.read_text()
    assert "old" not in page
    row = "| Boxes | ours: 3 ms (2.2 to 8.6), processor 2 ms | peer: 2 ms (1.2 to 16.4) | 1.50 "
    assert f"{row}| ≤ 1.5, then 1.2: met | 90% |" in page
    assert "![Questions, over rows](speed/questions.svg)" in page
    assert "| A picture | |\n|---|---|\n| pixels | 70 % |\n| the rest | 30 % |" in page
    assert page.endswith("The end.\n")
    assert {file.name for file in report.FOLDER.iterdir()} == {
        "aims.svg",
        "figures.jsonl",
        "questions.svg",
    }
    report.write("draw", [Comparison("Boxes", "ms", OTHER, OURS)])
    assert [json.loads(line)["bench"] for line in report.FIGURES.read_text().splitlines()] == [
        "draw",
        "db",
        "profile",
    ]


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plots.grow(GROWTH, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_filled_database_is_like_a_used_one(results: Results, tmp_path: Path) -> None:
    id = rows.fill(results, 100)
    page = results.list_for_owner(rows.OWNER, 20)
    assert len(page.results) == 20
    assert page.next
    assert results.get(id).verdict.found
    with sqlite3.connect(tmp_path / "duck.db") as database:
        assert database.execute("SELECT count(*) FROM duck_results").fetchone() == (100,)


def test_a_profile_knows_every_package_and_misses_nothing() -> None:
    took = [{"ours": 3.0, "theirs": 1.0}, {"ours": 1.0, "theirs": 1.0}, {"ours": 1.0}]
    parts = profile._parts("", took, 0.5).parts
    assert parts == {"ours": 75.0, "theirs": 25.0, "all others": 0.0}
    assert profile._package("/usr/lib/site-packages/PIL/Image.py", "open") == "PIL"
    assert profile._package(__file__, "look") == "rubberduck"
    assert profile._package("~", "<method 'execute' of 'sqlite3.Cursor' objects>") == "SQLite"


def test_one_name_runs_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.collect", int)  # slow beside so many tests
    monkeypatch.setattr(draw, "SIZE", (320, 240))
    monkeypatch.setattr(draw, "DUCKS", (0, 1, 2))
    for each in draw.run(rounds=1):
        assert each.what in report.as_text(each)
