"""Names beside points, placed so that few of them lie on one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

# Where a name may stand, in points from its point, best first; and how it is aligned there.
_PLACES = [
    (dx * far, dy * far, "left" if dx > 0 else "right" if dx < 0 else "center")
    for far in (1.0, 2.2, 3.6, 5.5)
    for dx, dy in ((5, 0), (-5, 0), (0, 7), (0, -7), (5, 6), (-5, 6), (5, -6), (-5, -6))
]


def label_points(
    ax: Axes, points: np.ndarray, names: Sequence[str], *, avoid: np.ndarray | None = None, size: float = 7
) -> None:
    """Write each name beside its point, away from the names so far and from all points, those of `avoid` too.

    Every name takes the first of 32 places where it covers least. The axes must have their limits.
    """
    figure = ax.figure
    per_point = figure.dpi / 72
    at = ax.transData.transform(points)
    obstacles = at if avoid is None else np.vstack([at, ax.transData.transform(avoid)])
    # Names that have the least room choose first.
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2) + np.diag(np.full(len(at), np.inf))
    taken: list[np.ndarray] = []
    inside = np.array([*ax.bbox.min, *ax.bbox.max])
    for i in np.argsort(gaps.min(axis=1), kind="stable"):
        width, height = 0.58 * size * per_point * len(names[i]), 1.15 * size * per_point
        boxes = [_box(at[i], place, width, height, per_point) for place in _PLACES]
        cost = [_covered(box, taken, obstacles, inside) + 1e-3 * k for k, box in enumerate(boxes)]
        best = int(np.argmin(cost))
        taken.append(boxes[best])
        dx, dy, align = _PLACES[best]
        arrow = {"arrowstyle": "-", "linewidth": 0.4, "color": "0.6"} if best >= 8 else None
        ax.annotate(
            names[i], points[i], (dx, dy), textcoords="offset points", ha=align, va="center", fontsize=size,
            arrowprops=arrow,
        )  # fmt: skip


def _box(at: np.ndarray, place: tuple[float, float, str], width: float, height: float, per_point: float) -> np.ndarray:
    """Left, bottom, right, top in pixels."""
    dx, dy, align = place
    x, y = at[0] + dx * per_point, at[1] + dy * per_point
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width
    return np.array([left, y - height / 2, left + width, y + height / 2])


def _covered(box: np.ndarray, taken: list[np.ndarray], obstacles: np.ndarray, inside: np.ndarray) -> float:
    """How much of a box lies on names, counted in boxes, on points, half a box each, and outside the axes."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    overlap = 0.0
    for other in taken:
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        overlap += max(width, 0) * max(height, 0) / area
    on_points = ((obstacles > box[:2] - 2) & (obstacles < box[2:] + 2)).all(axis=1).sum()
    is_outside = (box[:2] < inside[:2]).any() or (box[2:] > inside[2:]).any()
    return 2 * overlap + 0.5 * on_points + 1.0 * is_outside
