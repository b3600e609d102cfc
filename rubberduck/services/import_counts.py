"""What an import into a project comes to: its counts, in the log and on the pages of jobs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rubberduck.core.errors import DuckError
from rubberduck.core.sentences import Sentence
from rubberduck.custom_models.errors import InvalidArchive

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


def in_words(counts: Mapping[str, int]) -> list[Sentence]:
    return [COUNTED[name].fill(number=number) for name, number in counts.items()]


def log_counts(task: "Task", counts: Mapping[str, int]) -> None:
    for sentence in in_words(counts):
        task.log(sentence)


def require_some(counts: Mapping[str, int]) -> None:
    """Raise InvalidArchive if all that was sent was refused, so that the job counts as failed."""
    refused = counts.get("refused", 0)
    if refused and refused == sum(counts.values()):
        raise InvalidArchive(
            "Nothing was imported, because all was refused: {number}. The log of the job says why "
            "for each.",
            number=refused,
        )


def refusal(error: DuckError) -> Sentence:
    """Return why a file was refused."""
    problem = error.problem
    return Sentence("{title}. {why}", title=Sentence(problem.title), why=problem.sentence)
