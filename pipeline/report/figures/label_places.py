"""Where names stand so that they cover neither points nor each other, in pixels of the plotting area."""

from collections.abc import Sequence

import numpy as np

GAP_PX = 10  # from the middle of a mark to its name
LETTER_PX, TALL_PX = 7, 15  # of a name in 12 px
MARK_PX = 5  # half of the width of a mark
# Name that Plotly has for it, and where the name's middle lies from the mark: across in halves of its
# own width, and in gaps; down in gaps. In the order in which they are tried.
POSITIONS: tuple[tuple[str, float, float, float], ...] = (
    ("top center", 0, 0, -1.4),
    ("bottom center", 0, 0, 1.4),
    ("middle right", 1, 1, 0),
    ("middle left", -1, -1, 0),
    ("top right", 1, 0.5, -1),
    ("bottom right", 1, 0.5, 1),
    ("top left", -1, -0.5, -1),
    ("bottom left", -1, -0.5, 1),
)


def spread(places_px: Sequence[float], apart_px: float) -> list[float]:
    """The places moved as little as it takes to be that far apart, in the same order.

    Parameters
    ----------
    places_px : sequence of float
        Along one direction, in any order.
    """
    order = np.argsort(np.asarray(places_px, float), kind="stable").tolist()
    groups: list[list[int]] = []  # neighbours that would touch stand evenly about their mean

    def first(group: list[int]) -> float:
        middle = float(np.mean([places_px[k] for k in group]))
        return middle - apart_px * (len(group) - 1) / 2

    for one in order:
        groups.append([one])
        while len(groups) > 1 and first(groups[-1]) < first(groups[-2]) + apart_px * len(
            groups[-2]
        ):
            last = groups.pop()
            groups[-1] += last
    moved = [0.0] * len(places_px)
    for group in groups:
        for k, one in enumerate(group):
            moved[one] = first(group) + k * apart_px
    return moved


def text_positions(
    names: Sequence[str],
    marks: Sequence[np.ndarray],
    points: Sequence[np.ndarray],
    sizes: Sequence[tuple[float, float]],
) -> list[str]:
    """For each named mark the position of its name that covers fewest points, names and edges.

    Parameters
    ----------
    names : sequence of str
    marks, points : sequence of ndarray, shape (mark or point, 2)
        x and y from the upper left corner [pix], for each size of the picture.
    sizes : sequence of (width, height)
        Of the plotting area in each picture; one choice serves all.
    """
    taken: list[list[tuple[float, float, float, float]]] = [[] for _ in sizes]
    chosen = []
    for k, name in enumerate(names):
        boxes = {
            position: [_box(marks[s][k], name, *shift) for s in range(len(sizes))]
            for position, *shift in POSITIONS
        }

        costs = {
            position: sum(
                _covered(box, points[s], marks[s], taken[s], sizes[s])
                for s, box in enumerate(found)
            )
            for position, found in boxes.items()
        }
        best = min(costs, key=lambda position: costs[position])
        chosen.append(best)
        for s, box in enumerate(boxes[best]):
            taken[s].append(box)
    return chosen


def _box(
    mark: np.ndarray, name: str, half: float, gaps: float, down: float
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a name beside a mark."""
    wide = LETTER_PX * len(name)
    x = float(mark[0]) + half * wide / 2 + gaps * GAP_PX
    y = float(mark[1]) + down * GAP_PX
    return x - wide / 2, y - TALL_PX / 2, x + wide / 2, y + TALL_PX / 2


def _covered(
    box: tuple[float, ...],
    points: np.ndarray,
    marks: np.ndarray,
    names: Sequence[tuple[float, ...]],
    size: tuple[float, float],
) -> int:
    """Number of points, marks and names that a name would touch; an edge that it crosses counts most."""
    left, top, right, bottom = box
    touched = sum(
        int(
            np.count_nonzero(
                (left - MARK_PX < at[:, 0])
                & (at[:, 0] < right + MARK_PX)
                & (top - MARK_PX < at[:, 1])
                & (at[:, 1] < bottom + MARK_PX)
            )
        )
        for at in (points, marks)
    )
    touched += sum(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for other in names
    )
    outside = left < 0 or top < 0 or right > size[0] or bottom > size[1]
    return touched + 100 * outside
