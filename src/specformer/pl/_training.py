"""The course of a pretraining run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from specformer._checks import shown
from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import BLUE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATE = "trainer_state.json"


def training(run: str | Path, *, figure: str = "loss", ax: Axes | None = None, save: str | Path | None = None) -> Axes:
    """Draw a figure of a pretraining run against its steps, of training and of validation.

    Parameters
    ----------
    run
        Folder of the run, which may still be going on; one of its checkpoints; or a `trainer_state.json`.
    figure
        What to draw: `"loss"`, or whatever else the objective logs, such as `"top1"` and `"top10"`.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes.

    Raises
    ------
    FileNotFoundError
        If there is no `trainer_state.json`.
    KeyError
        If the run has not logged the figure.

    Examples
    --------
    >>> import specformer as sf
    >>> sf.pl.training("run")  # doctest: +SKIP
    """
    history = read_history(run)
    names = {"training": figure, "validation": f"eval_{figure}"}
    present = {label: name for label, name in names.items() if name in history}
    if not present:
        logged = sorted({name.removeprefix("eval_") for name in history} - {"step", "epoch"})
        msg = f"The run has not logged {figure!r}. It has logged: {shown(logged, 20)}."
        raise KeyError(msg)
    ax = axes_of(ax, 5, 3)
    for label, name in present.items():
        curve = history[["step", name]].dropna()
        is_validation = label == "validation"
        ax.plot(
            curve["step"],
            curve[name],
            label=label,
            color=VERMILLION if is_validation else BLUE,
            marker="o" if is_validation else None,
            markersize=3,
            linewidth=1.5 if is_validation else 1.0,
        )
    ax.set_xlabel("step")
    ax.set_ylabel(figure)
    ax.legend(frameon=False)
    return finished(ax, save)


def read_history(run: str | Path) -> pd.DataFrame:
    """What a run has logged: one row each time, columns `step`, `loss`, `eval_loss` and the rest, NaN where absent."""
    path = Path(run)
    if path.is_dir():
        found = [*path.glob(STATE), *path.glob(f"checkpoint-*/{STATE}")]
        if not found:
            msg = f"{path} holds no {STATE}: no pretraining has run there, or it has not reached its first checkpoint."
            raise FileNotFoundError(msg)
        path = max(found, key=_n_steps)
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["log_history"])


def _n_steps(path: Path) -> int:
    return json.loads(path.read_text(encoding="utf-8"))["global_step"]
