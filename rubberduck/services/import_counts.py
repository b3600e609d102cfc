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
    "suggested": Sentence("pictures with a suggestion: {number}"),
    "missing": Sentence("frames that are not stored: {number}"),
    "absent": Sentence("no frames of what was analysed of this video: {number}"),
    "refused": Sentence("refused: {number}"),
}

LOST = ("refused", "missing", "absent")


def in_words(counts: Mapping[str, int]) -> list[Sentence]:
    return [COUNTED[name].fill(number=number) for name, number in counts.items()]


def log_counts(task: "Task", counts: Mapping[str, int]) -> None:
    for sentence in in_words(counts):
        task.log(sentence)


def require_some(counts: Mapping[str, int]) -> None:
    """Raise InvalidArchive if nothing of what was asked for came in: the job has failed then."""
    lost = sum(counts.get(name, 0) for name in LOST)
    if lost and lost == sum(counts.values()):
        raise InvalidArchive(
            "Nothing was imported: of {number}, none could be taken. The log of the job says why.",
            number=lost,
        )


def refusal(error: DuckError) -> Sentence:
    """Return why a file was refused."""
    problem = error.problem
    return Sentence("{title}. {why}", title=Sentence(problem.title), why=problem.sentence)
