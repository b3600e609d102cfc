"""Match answers to the truth of a picture: which are right, and what the others got wrong.

pycocotools and supervision match boxes too, and need a compiler or OpenCV; neither says what kind
of mistake an answer is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rubberduck.core.models import Box
from rubberduck.scoring.detection import GOOD_BOX

NEAR_BOX = 0.1  # intersection over union: below, a false answer has nothing to do with the object
# What a mistake is.
MISSED, FALSE, WRONG_PLACE, WRONG_LABEL, TWICE = "missed", "false", "place", "label", "twice"
MISTAKES = (MISSED, FALSE, WRONG_PLACE, WRONG_LABEL, TWICE)


@dataclass(frozen=True, slots=True)
class Target:
    """An object, or with `box` None the label of a whole picture; `crowd`: many in one box."""

    label: str
    box: Box | None = None
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, with a score from 0 to 1; `box` is None for a whole picture."""

    label: str
    score: float
    box: Box | None = None

    def overlap(self, target: Target) -> float:
        """Return the intersection over union; 1 for the labels of whole pictures."""
        if self.box is None or target.box is None:
            return 1.0
        return self.box.overlap(target.box)


@dataclass(frozen=True)
class TestedPicture:
    """A picture, its truth, and all that a model said of it, also below the threshold.

    `group` is the same for pictures that belong together, such as those of a video.
    """

    __test__ = False  # pytest would collect it

    id: str
    group: str
    targets: tuple[Target, ...]
    answers: tuple[Answer, ...]
    revision: int = 0  # of its annotation

    def has(self, label: str) -> bool:
        return any(target.label == label for target in self.targets)

    def score(self, label: str) -> float:
        """Return how sure the model is that the label is in the picture; 0 without an answer."""
        return max((a.score for a in self.answers if a.label == label), default=0.0)


@dataclass(frozen=True, slots=True)
class Mistake:
    """`label` is what was said, or missed; `truth` what it is, if that is another label."""

    kind: str
    picture: str
    label: str
    score: float | None = None  # of the answer
    box: Box | None = None  # of the answer
    truth: str | None = None
    truth_box: Box | None = None


@dataclass(frozen=True)
class Matched:
    """The answers of one label: (answer, target or None), highest score first."""

    answers: tuple[tuple[Answer, Target | None], ...]
    targets: tuple[Target, ...]  # those that count


@dataclass(frozen=True)
class Verdict:
    """A picture at the thresholds: pairs of labels (truth, said), "" for nothing, and mistakes."""

    pairs: tuple[tuple[str, str], ...]
    mistakes: tuple[Mistake, ...]
    counts: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)  # right, false, missed


def match(picture: TestedPicture, label: str, least: float = GOOD_BOX) -> Matched:
    """Match the label's answers to its targets, as COCO does.

    The highest score chooses first; each takes the free target that it covers best, if their IoU is
    `least` or more. What lies in a crowd counts neither as right nor as wrong. What an answer takes
    does not depend on those with lower scores, so one matching serves all thresholds.
    """
    own = sorted((a for a in picture.answers if a.label == label), key=lambda a: -a.score)
    targets = [target for target in picture.targets if target.label == label]
    free = [target for target in targets if not target.crowd]
    crowds = [target for target in targets if target.crowd]
    matched: list[tuple[Answer, Target | None]] = []
    for answer in own:
        best = max(free, key=answer.overlap, default=None)
        if best is not None and answer.overlap(best) >= least:
            free.remove(best)
            matched.append((answer, best))
        elif not any(_share_inside(answer, crowd) >= GOOD_BOX for crowd in crowds):
            matched.append((answer, None))
    return Matched(tuple(matched), tuple(target for target in targets if not target.crowd))


def judge_picture(picture: TestedPicture, thresholds: Mapping[str, float]) -> Verdict:
    """Return what the model gets right and wrong in a picture, above each label's threshold."""
    pairs: list[tuple[str, str]] = []
    false: list[Answer] = []
    missed: list[Target] = []
    taken: list[Target] = []
    counts = {}
    for label, threshold in thresholds.items():
        matched = match(picture, label)
        said = [pair for pair in matched.answers if pair[0].score >= threshold]
        right = [target for _, target in said if target is not None]
        taken += right
        pairs += [(label, label)] * len(right)
        false += [answer for answer, target in said if target is None]
        rest = list(matched.targets)
        for target in right:
            rest.remove(target)
        missed += rest
        counts[label] = (len(right), len(said) - len(right), len(rest))
    found, confused = _explain(picture.id, false, missed, taken)
    return Verdict((*pairs, *confused), tuple(found), counts)


def _explain(
    picture: str, false: list[Answer], missed: list[Target], taken: list[Target]
) -> tuple[list[Mistake], list[tuple[str, str]]]:
    """Return one mistake for each false answer and each missed target, joined where they belong."""
    mistakes: list[Mistake] = []
    pairs: list[tuple[str, str]] = []
    free = list(missed)
    for answer in sorted(false, key=lambda answer: -answer.score):
        mistake = Mistake(FALSE, picture, answer.label, answer.score, answer.box)
        near = [target for target in free if target.label == answer.label]
        other = max(free, key=answer.overlap, default=None)
        same = max(near, key=answer.overlap, default=None)
        if other and other.label != answer.label and answer.overlap(other) >= GOOD_BOX:
            free.remove(other)
            pairs.append((other.label, answer.label))
            mistake = replace(mistake, kind=WRONG_LABEL, truth=other.label, truth_box=other.box)
        elif same and answer.overlap(same) >= NEAR_BOX:
            free.remove(same)
            pairs += [(same.label, ""), ("", answer.label)]
            mistake = replace(mistake, kind=WRONG_PLACE, truth_box=same.box)
        else:
            again = any(t.label == answer.label and answer.overlap(t) >= GOOD_BOX for t in taken)
            pairs.append(("", answer.label))
            mistake = replace(mistake, kind=TWICE if again else FALSE)
        mistakes.append(mistake)
    mistakes += [Mistake(MISSED, picture, target.label, truth_box=target.box) for target in free]
    return mistakes, pairs + [(target.label, "") for target in free]


def _share_inside(answer: Answer, crowd: Target) -> float:
    """Return the share of the answer's own area that lies in the crowd's box."""
    if answer.box is None or crowd.box is None:
        return 0.0
    one, other = answer.box, crowd.box
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    area = one.width * one.height
    return max(width, 0.0) * max(height, 0.0) / area if area else 0.0
