"""What every picture has alike: axes to draw on, and the file that it may be kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200
"""Of files; a screen decides for itself."""


def axes_of(ax: Axes | None, width: float, height: float) -> Axes:
    """`ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def finished(ax: Axes, save: str | Path | None) -> Axes:
    """`ax` without the upper and right line, kept in a file if one is named."""
    ax.spines[["top", "right"]].set_visible(False)
    write(ax.figure, save)  # type: ignore[arg-type]
    return ax


def write(figure: Figure, save: str | Path | None) -> None:
    """Write the figure, if a file is named; its ending says in which format."""
    if save is not None:
        figure.savefig(save, dpi=DPI, bbox_inches="tight")
