"""Survival of groups of predicted risk, as it was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from specformer._checks import require_key, require_one_of
from specformer._keys import OS_RISK
from specformer.pl._canvas import axes_of, finished
from specformer.pl._groups import BLUE, GREY, VERMILLION

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

DAYS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}
NAMES = {2: ("low", "high"), 3: ("low", "middle", "high")}


def survival(
    adata: AnnData,
    endpoint: str = "OS",
    *,
    risk: str | None = None,
    event: str | None = None,
    time: str | None = None,
    n_groups: int = 2,
    strata: str | None = None,
    unit: Literal["days", "months", "years"] = "years",
    ax: Axes | None = None,
    save: str | Path | None = None,
) -> Axes:
    """Draw Kaplan-Meier curves of groups of predicted risk, and how many samples are at risk.

    Over several tumour types, a risk mostly tells the types apart: pass `strata="cancer_type"` to cut it within each
    type, so that every group holds the types in the same shares.

    Parameters
    ----------
    adata
        Samples with a risk, from :func:`~specformer.tl.predict_survival`, and what became of the patients.
    endpoint
        The endpoint, such as `"OS"`: its name in the axis, and of the columns below unless they are given.
    risk
        Column of `obs` with the risk; `"<endpoint>_risk"` by default.
    event
        Column of `obs` with 1 or True where the event was seen; `"<endpoint>"` by default.
    time
        Column of `obs` with the days to event or censoring; `"<endpoint>.time"` by default.
    n_groups
        Groups of about equal size, cut at quantiles of the risk.
    strata
        Column of `obs`; groups are cut within each of its values.
    unit
        Of the axis.
    ax
        Where to draw; a new figure by default.
    save
        Also write the figure to this file.

    Returns
    -------
    The axes: a curve a group with its 95 % interval (log-log), a tick where a sample was censored, and below the axis
    the samples at risk. The title has the p-value of a log-rank test between the groups, which is no measure of how
    well a risk predicts; see :func:`~specformer.metrics.harrell_c_within`.

    Raises
    ------
    KeyError
        If a column is not there.
    ValueError
        If fewer than two samples a group have a risk, an event and a time above zero.

    Notes
    -----
    Curves and test are those of scikit-survival (GPL-3.0-or-later, imported when called).

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(40, groups=["ACC", "STAD"])
    >>> adata.obs["OS_risk"], adata.obs["OS"] = range(40), 1
    >>> adata.obs["OS.time"] = range(400, 0, -10)
    >>> ax = sf.pl.survival(adata)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['low risk', 'high risk']
    """
    from sksurv.compare import compare_survival
    from sksurv.nonparametric import kaplan_meier_estimator
    from sksurv.util import Surv

    require_one_of("unit", unit, list(DAYS))
    table = _read(adata, endpoint, risk, event, time, strata)
    if n_groups < 2 or len(table) < 2 * n_groups:
        msg = f"Found {len(table):,} samples with a risk, an event and a time for {n_groups} groups; need two a group."
        raise ValueError(msg)
    share = table.groupby("stratum", observed=True)["risk"].rank(method="first")
    size = table.groupby("stratum", observed=True)["risk"].transform("size")
    group = np.minimum(((share - 0.5) / size * n_groups).astype(int), n_groups - 1).to_numpy()
    happened, times = table["event"].to_numpy(bool), table["time"].to_numpy(float)
    names, colors = _names(n_groups), _colors(n_groups)
    ax = axes_of(ax, 5.2, 3.7 + 0.17 * n_groups)
    for k, (name, color) in enumerate(zip(names, colors, strict=True)):
        own = group == k
        x, y, (low, high) = kaplan_meier_estimator(happened[own], times[own], conf_type="log-log")
        # A curve starts at one; where nobody has died yet there is no interval, and it stays at one.
        x, y = np.append(0, x) / DAYS[unit], np.append(1.0, y)
        low, high = (np.append(1.0, np.nan_to_num(edge, nan=1.0)) for edge in (low, high))
        ax.step(x, y, where="post", color=color, linewidth=1.6, label=f"{name} risk" if n_groups <= 3 else name)
        ax.fill_between(x, low, high, step="post", color=color, alpha=0.13, linewidth=0)
        lost = np.sort(times[own & ~happened]) / DAYS[unit]
        ax.plot(lost, y[np.searchsorted(x, lost, side="right") - 1], "|", color=color, markersize=5)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, times.max() / DAYS[unit] * 1.01)
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= ax.get_xlim()[1]]
    ax.set_xticks(ticks)
    _at_risk(ax, [times[group == k] / DAYS[unit] for k in range(n_groups)], names, colors, ticks)
    ax.set_xlabel(f"time ({unit})")
    ax.set_ylabel(f"without event ({endpoint})")
    outside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1), "title": "risk"}
    ax.legend(frameon=False, **(outside if n_groups > 3 else {}))
    p_value = compare_survival(Surv.from_arrays(happened, times), group)[1] if happened.any() else np.nan
    within = f", cut within {strata.replace('_', ' ')}" if strata else ""
    ax.set_title(
        f"n = {len(table):,}, {int(happened.sum()):,} events, log-rank p = {p_value:.2g}{within}",
        fontsize=9, loc="left",
    )  # fmt: skip
    return finished(ax, save)


def _read(
    adata: AnnData, endpoint: str, risk: str | None, event: str | None, time: str | None, strata: str | None
) -> pd.DataFrame:
    """Risk, event, time in days and stratum of the samples that have all of them."""
    columns = {
        "risk": risk or OS_RISK.name.replace("OS", endpoint, 1),
        "event": event or endpoint,
        "time": time or f"{endpoint}.time",
    }
    runs = {"risk": "sf.tl.predict_survival(adata)"}
    table = pd.DataFrame(
        {
            what: require_key(adata, "obs", name, run=runs.get(what, f"adata.obs[{name!r}] = ...")).astype(float)
            for what, name in columns.items()
        }
    )
    table["stratum"] = "all"
    if strata is not None:
        table["stratum"] = require_key(adata, "obs", strata, run=f"adata.obs[{strata!r}] = ...").astype("string")
    table = table.dropna()
    return table[table["time"] > 0]


def _at_risk(ax: Axes, times: list[np.ndarray], names: list[str], colors: list[str], ticks: list[float]) -> None:
    """A line for each group below the axis: samples whose time is not over at each tick."""
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "annotation_clip": False, "va": "center"}
    ax.annotate("at risk", (0, 0), (-16, -38), xycoords="axes fraction", ha="right", color="0.35", **style)
    for k, (own, name, color) in enumerate(zip(times, names, colors, strict=True)):
        below = -51 - 12 * k
        ax.annotate(name, (0, 0), (-16, below), xycoords="axes fraction", ha="right", color=color, **style)
        for tick in ticks:
            n = f"{int((own >= tick).sum()):,}"
            ax.annotate(n, (tick, 0), (0, below), xycoords=("data", "axes fraction"), ha="center", **style)


def _names(n_groups: int) -> list[str]:
    return list(NAMES.get(n_groups, ["1 (low)", *map(str, range(2, n_groups)), f"{n_groups} (high)"]))


def _colors(n_groups: int) -> list[str]:
    if n_groups <= 3:
        return [BLUE, *([GREY] if n_groups == 3 else []), VERMILLION]
    import matplotlib as mpl

    return [mpl.colors.to_hex(color) for color in mpl.colormaps["cividis"](np.linspace(0, 0.9, n_groups))]
