"""docs/speed.md is rendered from the figures, and scenarios run from end to end."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import OLD_NAMES, SCENARIOS, bench
from bench.harness.figures import Aim, Breakdown, Comparison, Figures, Growth
from bench.report import speed_page
from bench.scenarios import amazon, pictures
from rubberduck.core.settings import ROOT

OURS, OTHER = Figures("ours", (2.0, 3.0, 10.0), (0.001, 0.002, 0.003)), Figures("peer", (1, 2, 20))
GROWTH = Growth("Queries", "ms", "rows", (1, 10, 100, 1000), {"ours": (5, 5, 5, 5)})
EMPTY = "# Speed\n<!-- figures -->\nold\n<!-- end of figures -->\nThe end.\n"


def test_the_page_shows_the_figures_and_whether_the_aims_are_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_page, "PAGE", tmp_path / "speed.md")
    monkeypatch.setattr(speed_page, "FIGURES", tmp_path / "figures.jsonl")
    speed_page.PAGE.write_text(EMPTY)
    speed_page.write("draw", [Comparison("Boxes", "ms", OURS, OTHER, Aim(1.5, 1.2), 0.9)])
    speed_page.write("db", [GROWTH])
    speed_page.write("profile", [Breakdown("A picture", "%", {"pixels": 70.0, "the rest": 30.0})])
    page = speed_page.PAGE.read_text()
    assert "old" not in page
    row = "| Boxes | ours: 3 ms (2.2 to 8.6), CPU 2 ms | peer: 2 ms (1.2 to 16.4) | 1.50 "
    assert f"{row}| ≤ 1.5, then 1.2: met | 90% |" in page
    assert "| Queries, ms, by rows | 1 | 10 | 100 | 1,000 | growth, upper half |" in page
    assert "| ours | 5 | 5 | 5 | 5 | size^0.00 |" in page
    assert "| A picture |  |\n|---|---|\n| pixels | 70 % |\n| the rest | 30 % |" in page
    assert page.endswith("The end.\n")
    speed_page.write("draw", [Comparison("Boxes", "ms", OTHER, OURS)])
    lines = speed_page.FIGURES.read_text().splitlines()
    assert [json.loads(line)["bench"] for line in lines] == ["draw", "db", "profile"]
    assert "1.50" not in speed_page.PAGE.read_text()


def test_docs_speed_shows_the_recorded_figures() -> None:
    page = (ROOT / "docs" / "speed.md").read_text()
    figures = speed_page.read(speed_page.FIGURES)
    assert figures
    for name, group in figures.items():
        assert f"### {name}\n\n{speed_page.as_markdown(group)}" in page


def test_the_help_names_every_scenario() -> None:
    words = CliRunner().invoke(bench, ["--help"]).stdout.replace(",", "").replace(".", "").split()
    assert set(SCENARIOS) <= set(words)


def test_the_old_names_still_run_their_scenarios() -> None:
    assert OLD_NAMES == {
        "floor": "lower_bound",
        "burden": "cost_per_picture",
        "hot_rows": "row_contention",
    }
    written = CliRunner().invoke(bench, ["scale", "--json"])
    assert [json.loads(line)["bench"] for line in written.stdout.splitlines()] == ["scale"] * 5
    assert CliRunner().invoke(bench, ["no-such-scenario"]).exit_code == 2


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="put them back"):
        speed_page.put("# Speed\n", "figures", "")


def test_a_profile_names_every_package_and_adds_up() -> None:
    parts = amazon.shares(Counter({"ours": 5.0, "theirs": 3.0}))
    assert parts == {"ours": 62.5, "theirs": 37.5, "all others": 0.0}
    assert amazon.package_of("/usr/lib/site-packages/PIL/Image.py", "open") == "PIL"
    assert amazon.package_of(str(ROOT / "app.py"), "create_app") == "rubberduck"
    assert amazon.package_of("~", "<method 'execute' of 'sqlite3.Cursor' objects>") == "SQLite"


def test_a_scenario_runs_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.collect", int)  # slow beside so many tests
    monkeypatch.setattr(pictures, "DRAWN_SIZE", (320, 240))
    monkeypatch.setattr(pictures, "DUCKS", (0, 1, 2))
    for figure in pictures.draw(rounds=1):
        assert figure.what in speed_page.as_markdown([figure])
