"""How far a checkpoint's vectors of a cohort move when genes or reads are lost or the unit changes. Needs no labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._keys import PATIENT
from specformer._logging import logger
from specformer.bench._checkpoints import checkpoint_embedder
from specformer.bench._perturb import N_DRAWS, draw_genes, linear, with_matrix
from specformer.bench._quiet import quiet
from specformer.metrics import Interval, interval, patient_draws, row_cosine, same_sample_top1
from specformer.pp import thin, to_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anndata import AnnData

    from specformer.bench._representation import Embedder
    from specformer.model import Pretrained

SHARES = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)
N_READS = {"1M reads": 1_000_000, "100k reads": 100_000, "20k reads": 20_000}


def robustness(
    adata: AnnData,
    model: str | Path | Pretrained | Embedder | None = None,
    *,
    lengths: str | None = None,
    n_obs: int = 200,
    n_boot: int = 1000,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Make the robustness card of a checkpoint on a cohort.

    Parameters
    ----------
    adata
        Samples in any unit that can be made linear. Changed copies of them are embedded; `adata` is not changed.
    model
        A checkpoint (see :func:`~specformer.tl.specformer_embed`), or any function from AnnData to a matrix.
    lengths
        Column of `var` with gene lengths in bases: adds TPM and FPKM.
    n_obs
        At most this many samples, drawn at random.
    n_boot
        Draws of patients (`obs["patient"]` where it is there, else samples) for the intervals.
    rng
        Random generator or seed.

    Returns
    -------
    One row for each condition and metric: `value`, `low`, `high`, `n`. `cosine` is that of a sample's vector with its
    vector from all genes at full depth; `same sample top-1` is how often the two find each other among all samples.
    Genes and reads are lost in three draws each. Reads are drawn around linear expression where no counts are given.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(30)
    >>> card = sf.bench.robustness(adata, lambda sample: np.log1p(sample.X[:, :50]), n_boot=20)  # doctest: +SKIP
    """
    rng = np.random.default_rng(rng)
    embed = model if callable(model) else checkpoint_embedder(model)
    adata = _some(adata, n_obs, rng)
    patients = adata.obs[PATIENT.name] if PATIENT.name in adata.obs else adata.obs_names
    draws = patient_draws(patients.astype(str).to_numpy(), n_boot=n_boot)
    rows = []
    with quiet():
        whole = embed(adata)
        for condition, changed in _changes(adata, lengths, rng):
            found = [np.asarray(embed(sample)) for sample in changed]
            for metric, measure in (("cosine", row_cosine), ("same sample top-1", same_sample_top1)):
                values = np.mean([measure(vectors, whole) for vectors in found], axis=0)
                rows.append((condition, metric, *_mean_interval(values, draws), len(values)))
    return pd.DataFrame(rows, columns=["condition", "metric", "value", "low", "high", "n"])


def coverage_curve(
    adata: AnnData,
    model: str | Path | Pretrained | Embedder | None = None,
    *,
    shares: Sequence[float] = SHARES,
    n_obs: int = 100,
    n_draws: int = N_DRAWS,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Measure how the trust in a vector falls with the share of the genes at hand.

    Parameters
    ----------
    adata
        Samples with all, or nearly all, genes that the checkpoint knows, and that it was not trained on.
    model
        As in :func:`robustness`.
    shares
        Shares of the genes to keep.
    n_obs
        At most this many samples, drawn at random.
    n_draws
        Random sets of genes for each share.
    rng
        Random generator or seed.

    Returns
    -------
    One row a share, largest first: `coverage` of the checkpoint's vocabulary (of the columns, where `model` is a mere
    function), `n_genes`, the mean `cosine` to the vector from all genes, its 5th percentile `low` over samples and draws,
    and `top1`, how often the two find each other.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(30)
    >>> sf.bench.coverage_curve(adata).to_csv("coverage.csv", index=False)  # doctest: +SKIP
    """
    rng = np.random.default_rng(rng)
    adata = _some(adata, n_obs, rng)
    embed, n_known = (model, adata.n_vars) if callable(model) else _of_checkpoint(model)
    known = adata if callable(model) else adata[:, _known(adata, model)]
    rows = []
    with quiet():
        whole = np.asarray(embed(known))
        for share in sorted(shares, reverse=True):
            chosen = [draw_genes(known, share, rng) for _ in range(n_draws)]
            vectors = [np.asarray(embed(known[:, genes])) for genes in chosen]
            cosine = np.concatenate([row_cosine(found, whole) for found in vectors])
            top1 = np.mean([same_sample_top1(found, whole).mean() for found in vectors])
            n_genes = len(chosen[0])
            rows.append((n_genes / n_known, n_genes, cosine.mean(), np.quantile(cosine, 0.05), top1))
    return pd.DataFrame(rows, columns=["coverage", "n_genes", "cosine", "low", "top1"])


def _changes(adata: AnnData, lengths: str | None, rng: np.random.Generator) -> Iterator[tuple[str, list[AnnData]]]:
    for share in (0.5, 0.8, 0.95):
        yield f"{share:.0%} of genes missing", [adata[:, draw_genes(adata, 1 - share, rng)] for _ in range(N_DRAWS)]
    for condition, n_reads in N_READS.items():
        yield condition, [thin(adata, n_reads, rng=rng, copy=True) for _ in range(N_DRAWS)]
    plain = with_matrix(adata, linear(adata).astype(np.float32))
    schemes = ["cpm", "log2cpm", "uq", "log2uq", *(["tpm", "fpkm", "log2tpm0.001"] if lengths else [])]
    for scheme in schemes:
        try:
            yield f"as {scheme}", [to_scheme(plain, scheme, lengths=lengths, copy=True)]
        except ValueError as error:
            logger.warning("%s is left out: %s", scheme, error)


def _mean_interval(values: np.ndarray, draws: Sequence[np.ndarray]) -> Interval:
    return interval(lambda rows: float(values[rows].mean()), draws, len(values))


def _some(adata: AnnData, n_obs: int, rng: np.random.Generator) -> AnnData:
    if adata.n_obs <= n_obs:
        return adata.copy()
    return adata[np.sort(rng.choice(adata.n_obs, n_obs, replace=False))].copy()


def _of_checkpoint(model: str | Path | Pretrained | None) -> tuple[Embedder, int]:
    pretrained = _pretrained(model)
    return checkpoint_embedder(pretrained), len(pretrained.genes)


def _known(adata: AnnData, model: str | Path | Pretrained | None) -> np.ndarray:
    from specformer.genes import align_columns, match_genes

    return align_columns(match_genes(adata.var_names, _pretrained(model).genes)).columns


def _pretrained(model: str | Path | Pretrained | None) -> Pretrained:
    from specformer.model import load

    return load(model) if model is None or isinstance(model, str | Path) else model
