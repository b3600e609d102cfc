"""The summary of an import in its job's log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError
from rubberduck.core.sentences import Sentence

if TYPE_CHECKING:
    from rubberduck.jobs.child import Task

COUNTED = {
    "added": Sentence("pictures added: {number}"),
    "labelled": Sentence("pictures labelled: {number}"),
    "duplicates": Sentence("in the project already, so left out: {number}"),
    "near": Sentence("much like a picture of the project: {number}"),
    "suggested": Sentence("boxes suggested: {number}"),
    "missing": Sentence("frames that are not stored: {number}"),
    "refused": Sentence("refused: {number}"),
}


def log_counts(task: "Task", counts: Mapping[str, int]) -> None:
    for name, number in counts.items():
        task.log(COUNTED[name].fill(number=number))


def refusal(error: DuckError) -> Sentence:
    """Return why a file was refused."""
    problem = error.problem
    return Sentence("{title}. {why}", title=Sentence(problem.title), why=problem.sentence)
