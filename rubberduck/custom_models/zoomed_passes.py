"""Find boxes in a picture: one pass of the network over all of it, then zoomed passes.

A zoomed pass shows the network a window of the picture around small candidates.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rubberduck.custom_models.decoding import Answer, Found, boxes_of, merged
from rubberduck.custom_models.trunk import Floats, Window
from rubberduck.detectors.passes import SIDE

Size = tuple[int, int]
RunPass = Callable[[Window], Answer]  # what a head says of a window of the picture

SMALL = 0.35  # of the picture's longer side: larger boxes get worse in a zoomed pass
MARGIN = 0.04  # of a window's side: boxes that come so near to its edge may be cut


class Zoom(NamedTuple):
    """How the zoomed passes of a version choose their windows; its file keeps this."""

    side: float  # of a window, as a share of the picture's longer side
    passes: int  # at most, for a picture
    min_score: float  # of a small box that is worth a pass


def find_boxes(size: Size, run_pass: RunPass, zoom: Zoom | None) -> Found:
    """Return the boxes in a picture of `size`, corners in its pixels, the best of a label first.

    Without `zoom`, there is only the pass over all of the picture.
    """
    whole = Window.around(size)
    found = _in_picture(run_pass(whole), whole, size)
    if zoom is None:
        return found
    windows = _windows(found, size, zoom)
    if not windows:
        return found
    covered = np.any([_inside(found.corners, window, size) for window in windows], 0)
    kept = ~(covered & _is_small(found.corners, size))
    parts = [_chosen(found, kept)]
    for window in windows:
        near = _in_picture(run_pass(window), window, size)
        clear = _inside(near.corners, window, size) & _is_small(near.corners, size)
        parts.append(_chosen(near, clear))
    return _merged(parts)


def area_of(window: Window, size: Size) -> Floats:
    """Return the corners of the picture in a view of the window."""
    return np.asarray(np.clip(window.to_view(np.array([[0, 0, *size]], np.float32))[0], 0, SIDE))


def _in_picture(answer: Answer, window: Window, size: Size) -> Found:
    found = boxes_of(answer, area_of(window, size))
    return found._replace(corners=window.from_view(found.corners))


def _is_small(corners: Floats, size: Size) -> np.ndarray:
    return np.asarray((corners[:, 2:] - corners[:, :2]).max(1, initial=0) < SMALL * max(size))


def _inside(corners: Floats, window: Window, size: Size) -> np.ndarray:
    """Return which boxes a window shows whole: none of their sides is near an edge of its own."""
    margin = MARGIN * window.side
    right, bottom = window.left + window.side, window.top + window.side
    # At an edge of the picture nothing is cut.
    low = [edge + margin if edge > 0 else -np.inf for edge in (window.left, window.top)]
    high = [
        edge - margin if edge < limit else np.inf
        for edge, limit in zip((right, bottom), size, strict=True)
    ]
    return np.asarray((corners[:, :2] >= low).all(1) & (corners[:, 2:] <= high).all(1))


def _windows(found: Found, size: Size, zoom: Zoom) -> list[Window]:
    """Return windows around the best small boxes; a box that one shows needs no other."""
    side = zoom.side * max(size)
    waiting = _is_small(found.corners, size) & (found.scores >= zoom.min_score)
    windows: list[Window] = []
    for i in np.argsort(-found.scores, kind="stable"):
        if not waiting[i]:
            continue
        if len(windows) == zoom.passes:
            break
        start = [
            _slid(float(middle) - side / 2, side, limit)
            for middle, limit in zip(
                (found.corners[i, :2] + found.corners[i, 2:]) / 2, size, strict=True
            )
        ]
        window = Window(start[0], start[1], side)
        windows.append(window)
        waiting &= ~_inside(found.corners, window, size)
        waiting[i] = False
    return windows


def _slid(start: float, side: float, limit: int) -> float:
    """Return where a window starts so that it stays in the picture, if that is large enough."""
    if limit <= side:
        return (limit - side) / 2
    return min(max(start, 0.0), limit - side)


def _chosen(found: Found, which: np.ndarray) -> Found:
    return Found(found.labels[which], found.scores[which], found.corners[which])


def _merged(parts: list[Found]) -> Found:
    """Put the boxes of several passes together; of those of a label that overlap, one stays."""
    labels, scores, corners = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(-scores[own], kind="stable")]
        chosen, means = merged(corners[own], scores[own])
        kept.append(Found(labels[own][chosen], scores[own][chosen], means))
    if not kept:
        return Found(labels, scores, corners)
    return Found(*(np.concatenate(column) for column in zip(*kept, strict=True)))
