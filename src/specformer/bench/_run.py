"""Representations against axes, in one tidy table."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from specformer._checks import require_one_of
from specformer._logging import logger
from specformer.bench._cohorts import Cohorts, read_cohorts
from specformer.bench._depth import depth
from specformer.bench._few_labels import few_labels
from specformer.bench._geometry import geometry
from specformer.bench._missing_genes import missing_genes
from specformer.bench._pathways import pathways
from specformer.bench._purity import purity
from specformer.bench._quiet import quiet
from specformer.bench._representation import Representation
from specformer.bench._survival import survival
from specformer.bench._tissues import healthy_tissue
from specformer.bench._types import types
from specformer.bench._units import units
from specformer.metrics import bootstrap, patient_draws, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from specformer.bench._representation import Embedder, EmbedderToFit
    from specformer.bench._score import Score


class Axis(NamedTuple):
    """One question, and the cohort without which it cannot be asked."""

    ask: Callable[[Representation, Cohorts], Iterator[Score]]
    cohort: str


AXES = {
    "tumour type": Axis(types, "panel"),
    "few labels": Axis(few_labels, "panel"),
    "missing genes": Axis(missing_genes, "panel"),
    "depth": Axis(depth, "panel"),
    "units": Axis(units, "panel"),
    "healthy tissue": Axis(healthy_tissue, "wide"),
    "survival": Axis(survival, "panel"),
    "pathways": Axis(pathways, "wide"),
    "geometry": Axis(geometry, "panel"),
    "purity": Axis(purity, "panel"),
}
"""The axes by name, in the order of the table."""

CHANGE_SAMPLES = ("missing genes", "depth", "units", "purity")
"""Axes that ask about samples as they come to a user, which no stored vector can answer."""

COLUMNS = [
    "axis", "cohort", "condition", "metric", "representation", "value", "low", "high", "n",
    "reference", "difference", "difference_low", "difference_high",
]  # fmt: skip


def run(
    embedders: Mapping[str, Embedder | EmbedderToFit | str],
    cohorts: Cohorts | Path | str,
    *,
    axes: Sequence[str] | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
    reference: str | None = None,
    n_boot: int = 1000,
) -> pd.DataFrame:
    """Measure representations on the same patients with the same readouts.

    Parameters
    ----------
    embedders
        By name: a function from AnnData to a matrix (n_obs, n_dims); an object whose `fit(train, pairs)` returns one,
        which is then called with training samples of the cohort in question and training samples in two schemes; or a
        key of `obsm`, which is left out of the axes that change the samples. None of them is shown labels, names or
        held-out samples before they are asked.
    cohorts
        From :func:`read_cohorts`, or the directory to read.
    axes
        Which of `AXES`; all of them by default. An axis whose cohort is not there is left out.
    only
        By name of a representation: the only axes that it is asked, where it is slow.
    reference
        The representation that others are compared with, on the same draws of patients; the first by default.
    n_boot
        Draws of patients for the intervals.

    Returns
    -------
    One row for each axis, condition, metric and representation: `value` with its 95 % interval (`low`, `high`) over
    patients, `n` samples, and the paired `difference` to `reference` with its interval. The same call gives the same
    table.

    Raises
    ------
    ValueError
        If an axis or the reference is not known, or an embedder returns something else than a finite matrix.

    Examples
    --------
    >>> table = run(LINEAR_REFERENCES, "path/to/cohorts", axes=["tumour type"])  # doctest: +SKIP
    """
    cohorts = cohorts if isinstance(cohorts, Cohorts) else read_cohorts(cohorts)
    chosen = list(AXES) if axes is None else list(axes)
    only = {} if only is None else only
    for axis in [*chosen, *(axis for axes_of in only.values() for axis in axes_of)]:
        require_one_of("axes", axis, tuple(AXES))
    for name in only:
        require_one_of("only", name, tuple(embedders))
    reference = next(iter(embedders)) if reference is None else reference
    require_one_of("reference", reference, tuple(embedders))
    representations = {
        name: Representation(_by_key(embedder) if isinstance(embedder, str) else embedder, cohorts)
        for name, embedder in embedders.items()
    }
    rows: list[dict[str, Any]] = []
    for axis in chosen:
        if AXES[axis].cohort not in cohorts:
            logger.info("%s: left out, no cohort %r", axis, AXES[axis].cohort)
            continue
        asked = {
            name: representation
            for name, representation in representations.items()
            if not (axis in CHANGE_SAMPLES and isinstance(embedders[name], str)) and axis in only.get(name, AXES)
        }
        rows += _measure(axis, asked, cohorts, reference, n_boot)
    return pd.DataFrame(rows, columns=COLUMNS)


def _measure(
    axis: str, representations: Mapping[str, Representation], cohorts: Cohorts, reference: str, n_boot: int
) -> Iterator[dict[str, Any]]:
    found: dict[tuple[str, str, str], dict[str, Score]] = {}
    for name, representation in representations.items():
        start = perf_counter()
        with quiet():
            for score in AXES[axis].ask(representation, cohorts):
                found.setdefault((score.cohort, score.condition, score.metric), {})[name] = score
        logger.info("%s: %s (%.1f s)", axis, name, perf_counter() - start)
    for (cohort, condition, metric), scores in found.items():
        patients = next(iter(scores.values())).patients
        draws, everyone = patient_draws(patients, n_boot=n_boot), np.arange(len(patients))
        value = {name: float(score.statistic(everyone)) for name, score in scores.items()}
        drawn = {name: bootstrap(score.statistic, draws) for name, score in scores.items()}
        for name in scores:
            row = [axis, cohort, condition, metric, name, *percentile_interval(value[name], drawn[name]), len(patients)]
            if reference in scores and name != reference:
                difference = percentile_interval(value[name] - value[reference], drawn[name] - drawn[reference])
                row += [reference, *difference]
            else:
                row += ["", np.nan, np.nan, np.nan]
            yield dict(zip(COLUMNS, row, strict=True))


def _by_key(key: str) -> Embedder:
    return lambda adata: adata.obsm[key]
