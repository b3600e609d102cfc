"""The rule, and questions from a file."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.models import Box, Label
from rubberduck.core.question_file import load_question
from rubberduck.core.rules import RUBBER_DUCK, BoxRule, Group, Question, judge
from rubberduck.core.settings import ROOT

GOLDEN = json.loads((ROOT / "tests" / "recorded" / "golden.json").read_text())


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_the_rule_says_what_the_original_said(row: dict[str, Any]) -> None:
    verdict = judge(RUBBER_DUCK, [Label(name, sure) for name, sure in row["labels"].items()])
    assert (verdict.found, verdict.score) == (row["duck"], row["score"])


def test_a_real_duck_misses_the_toy() -> None:
    verdict = judge(RUBBER_DUCK, [Label("Bird", 99.0), Label("Duck", 98.0)])
    assert [label.name for label in verdict.matched_labels] == ["Bird"]
    assert verdict.unmatched_groups == ("a toy",)


def test_labels_below_the_least_confidence_do_not_count() -> None:
    assert not judge(RUBBER_DUCK, [Label("Duck", 34.9), Label("Toy", 99.0)]).found
    assert judge(RUBBER_DUCK, [Label("Duck", 35.0), Label("Toy", 99.0)]).found


def boxed(name: str, sure: float, boxes: int = 1) -> Label:
    return Label(name, sure, tuple(Box(0.1 * i, 0, 0.1, 0.1, name, sure) for i in range(boxes)))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        pytest.param([boxed("Duck", 90, 3), boxed("Toy", 60)], ["Duck"] * 3 + ["Toy"], id="each"),
        pytest.param([boxed("Duck", 50.0), boxed("Toy", 50.1)], ["Toy"], id="above 50, not at it"),
        pytest.param([boxed("Duck", 90), boxed("Toy", 40)], ["Duck"], id="the label's confidence"),
        pytest.param(
            [boxed("Duck", 90), boxed("Toy", 80), boxed("Helmet", 70), boxed("Cat", 99)],
            ["Duck", "Toy", "Helmet"],
            id="a helmet gives a box, a cat does not",
        ),
        pytest.param([boxed("Toy", 99), boxed("Helmet", 99)], [], id="no duck, no boxes"),
        pytest.param([Label("Duck", 90), Label("Toy", 90)], [], id="a duck without boxes"),
    ],
)
def test_boxes(labels: list[Label], names: list[str]) -> None:
    assert [box.label for box in judge(RUBBER_DUCK, labels).boxes] == names


def test_a_weak_instance_of_a_sure_label_keeps_its_box() -> None:
    duck = Label("Duck", 90, (Box(0, 0, 0.1, 0.1, "Duck", 3.0),))
    assert judge(RUBBER_DUCK, [duck, Label("Toy", 90)]).boxes == duck.boxes


HARD_HAT = Question(
    title="Is everybody wearing a hard hat?",
    groups=(Group("a person with a hard hat", all_of=("Person", "Hardhat")),),
    boxes=BoxRule(("Hardhat",)),
)


def test_all_of_is_as_sure_as_its_least_sure() -> None:
    verdict = judge(HARD_HAT, [boxed("Person", 99), boxed("Hardhat", 70)])
    assert verdict.score == 70
    assert [box.label for box in verdict.boxes] == ["Hardhat"]
    assert not judge(HARD_HAT, [boxed("Person", 99)]).found


@pytest.mark.parametrize(
    ("question", "words", "can"),
    [
        (RUBBER_DUCK, {"Duck", "Toy"}, True),
        (RUBBER_DUCK, {"Duck", "Cat"}, False),
        (HARD_HAT, {"Person"}, False),
        (HARD_HAT, {"Person", "Hardhat"}, True),
    ],
)
def test_which_detector_can_answer(question: Question, words: set[str], can: bool) -> None:
    assert question.is_answerable_with(words) is can


CAT = """\
title = "Is there a cat?"
yes = "A cat!"
min_confidence = 60

[[groups]]
name = "a cat"
any_of = ["Cat", "Kitten"]

[boxes]
labels = ["Cat"]
above = 70
"""


def test_a_question_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cat.toml"
    file.write_text(CAT)
    question = load_question(file)
    assert question.title == "Is there a cat?"
    assert judge(question, [boxed("Kitten", 61)]).found
    assert not judge(question, [boxed("Kitten", 59)]).found
    assert judge(question, [boxed("Cat", 71)]).boxes


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        pytest.param(CAT.replace("= 60", "= 160"), "line 3, min_confidence", id="out of range"),
        pytest.param(CAT.replace("= 60", '= "60"'), "line 3, min_confidence", id="no number"),
        pytest.param(CAT.replace("= 60", "= true"), "line 3, min_confidence", id="true"),
        pytest.param(CAT.replace("above", "abvoe"), "line 11, boxes.abvoe", id="misspelt"),
        pytest.param(CAT.replace("any_of", "one_of"), "line 7, groups.0.one_of", id="unknown key"),
        pytest.param(CAT.replace('["Cat", "Kitten"]', "[]"), "line 5, groups.0", id="empty group"),
        pytest.param(CAT.replace('"Kitten"', "7"), "line 7, groups.0.any_of.1", id="no name"),
        pytest.param(CAT.replace("title", "titel"), "line 1, titel", id="no title"),
        pytest.param(CAT.replace("[boxes]", "[boxes"), "line 9", id="not TOML"),
        pytest.param("title = 'x'\ngroups = []\n", "line 2, groups", id="no groups"),
        pytest.param(
            CAT.replace("A cat!", "   "), "line 2, yes: it must be visible text", id="blanks"
        ),
        pytest.param(CAT.replace("A cat!", "\\u0000"), "line 2, yes: it must be", id="NUL"),
        pytest.param("x = " + "[" * 5000, "not TOML", id="too deep"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(tmp_path: Path, wrong: str, line: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(wrong)
    with pytest.raises(InvalidQuestion, match=r"wrong\.toml") as error:
        load_question(file)
    assert line in str(error.value)


def test_the_documented_question(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "questions.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "hats.toml").write_text(example)
    hats = load_question(tmp_path / "hats.toml")
    seen = [boxed("Person", 99), boxed("Helmet", 90), boxed("Hardhat", 80)]
    assert judge(hats, seen).score == 89.5
    assert not judge(hats, seen[:2]).found


def test_a_byte_order_mark_is_no_letter(tmp_path: Path) -> None:
    (tmp_path / "cat.toml").write_text(CAT, encoding="utf-8-sig")
    assert load_question(tmp_path / "cat.toml").title == "Is there a cat?"


def test_what_is_wrong_is_said_once_and_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(CAT.replace("any_of", "one_of"))
    with pytest.raises(InvalidQuestion) as error:
        load_question(tmp_path / "wrong.toml")
    assert str(error.value).endswith("wrong: line 7, groups.0.one_of: there is no such key.")


def test_groups_of_one_name_are_two_groups() -> None:
    cat, dog = Group("a pet", any_of=("Cat",)), Group("a pet", any_of=("Dog",))
    question = Question("Cat and dog?", (cat, dog))
    assert not judge(question, [Label("Dog", 90)]).found
    assert judge(question, [Label("Dog", 90), Label("Cat", 90)]).found


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidQuestion, match="cannot be read"):
        load_question(tmp_path / "wrong.toml")
