"""What a project lacks for a training, before one is queued, and again when it starts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rubberduck.custom_models.dataset import SPLITS
from rubberduck.custom_models.evaluation import BOXES, ENOUGH
from rubberduck.custom_models.version_errors import CannotTrain

FEWEST = 5  # pictures of a label: three to train with, one each to validate and test
ADVISED = 20  # pictures of a label
TRAIN, VALIDATION, TEST = SPLITS


@dataclass(frozen=True)
class Finding:
    """A sentence with {placeholders} for `values`; if it is fatal, no training starts."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    is_fatal: bool = True


Shown = tuple[frozenset[str], str]  # labels of a picture, and its side


def check(kind: str, labels: Sequence[str], pictures: Sequence[Shown]) -> list[Finding]:
    """Return what is wrong with the labelled pictures: (labels, side) of each, as names.

    Pictures with nothing in them have no labels. The worst comes first.
    """
    if not labels:
        return [Finding("The project has no labels: add what it should find.")]
    shown = [found for found, _ in pictures if found]
    if not shown:
        text = "No picture shows one of the labels yet: draw boxes on some first."
        if kind != BOXES:
            text = "No picture has one of the labels yet: choose them for some first."
        return [Finding(text)]
    counts = Counter(label for found in shown for label in found)
    unused = [label for label in labels if not counts[label]]
    findings = [
        Finding(
            "No picture has the label “{label}”: label some, or remove it from the project.",
            {"label": label},
        )
        for label in unused
    ]
    findings += [
        Finding(
            "Too few pictures have the label “{label}”: {number}. At least {fewest} are needed, "
            "{advised} are better.",
            {"number": counts[label], "label": label, "fewest": FEWEST, "advised": ADVISED},
        )
        for label in labels
        if 0 < counts[label] < FEWEST
    ]
    if kind != BOXES and len(shown) == len(pictures) and len(set(shown)) == 1:
        findings.append(
            Finding(
                "All pictures are labelled “{label}”: add pictures of something else, with another "
                "label or with nothing, or there is nothing to tell apart.",
                {"label": ", ".join(sorted(shown[0]))},
            )
        )
    if findings:
        return findings
    return _check_sides(labels, pictures)


def _check_sides(labels: Sequence[str], pictures: Sequence[Shown]) -> list[Finding]:
    sides: dict[str, Counter[str]] = {label: Counter() for label in labels}
    for found, side in pictures:
        for label in found & sides.keys():
            sides[label][side] += 1
    findings = []
    if not any(side == TEST and found for found, side in pictures):
        findings.append(
            Finding(
                "No picture with a label is on the test side, so nothing could be measured: add "
                "pictures that do not resemble the others, or move some to the test side."
            )
        )
    findings += [
        Finding(
            "No picture for training has the label “{label}”: move some there.",
            {"label": label},
        )
        for label in labels
        if not sides[label][TRAIN]
    ]
    few = [label for label in labels if sides[label][TEST] < ENOUGH]
    if few:
        findings.append(
            Finding(
                "Fewer than {number} test pictures have: {labels}. Their figures will mean little.",
                {"number": ENOUGH, "labels": ", ".join(few)},
                is_fatal=False,
            )
        )
    if not any(side == VALIDATION for _, side in pictures):
        findings.append(
            Finding(
                "No picture is on the validation side: thresholds are chosen by cross-validation.",
                is_fatal=False,
            )
        )
    return findings


def require_trainable(findings: Sequence[Finding]) -> None:
    """Raise CannotTrain with the first fatal finding."""
    for finding in findings:
        if finding.is_fatal:
            raise CannotTrain(finding.text, cause=None, **finding.values)
