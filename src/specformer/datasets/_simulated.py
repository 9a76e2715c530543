"""A cohort drawn around real mean profiles, for examples and tests that must run anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from specformer._keys import CANCER_TYPE, PATIENT, SIMULATED
from specformer.datasets._profiles import read_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

# Spread of log depth between samples of one sequencing centre: 95 % lie within a factor of two of the median.
SD_LOG_DEPTH = 0.35


def simulated_cohort(
    n_obs: int = 400,
    *,
    groups: Sequence[str] | None = None,
    depth: float = 4e7,
    dispersion: float | None = None,
    rng: int | np.random.Generator | None = 0,
) -> AnnData:
    r"""Draw a bulk RNA-seq cohort around real mean profiles of tumours and healthy tissues.

    Real are the mean expression of every gene in every group and the spread of every gene around its group's mean:
    aggregate figures over TCGA and GTEx training patients, stored with the default checkpoint. Simulated are the
    samples. A sample takes the mean profile :math:`\mu` of its group (in shares of all reads), a depth
    :math:`d` from a log-normal distribution, and negative-binomial counts

    .. math:: x_g \sim \mathrm{NB}(d\,\mu_g,\; \phi_g), \qquad
              \operatorname{var} x_g = d\,\mu_g + \phi_g\,(d\,\mu_g)^2 .

    Genes are drawn independently: what genes share *within* a group (purity, proliferation, subtype, batch) is not
    simulated. Groups are therefore far easier to tell apart than in a real cohort, and no figure computed on this
    cohort says how well a method does on patients.

    Parameters
    ----------
    n_obs
        Samples to draw, spread evenly over the groups.
    groups
        Which groups to draw from, all by default. An unknown name is an error that lists what there is.
    depth
        Median number of reads of a sample.
    dispersion
        One negative-binomial dispersion :math:`\phi` for all genes (0: Poisson noise alone), in place of the
        measured one of each gene.
    rng
        Seed or generator. The same seed gives the same cohort.

    Returns
    -------
    A new AnnData with raw counts:

    `.X` : :class:`~numpy.ndarray` (shape `(n_obs, n_genes)`, dtype `float32`)
        Counts, whole numbers.
    `.var_names`
        Approved gene symbols.
    `.obs['cancer_type']` : category
        The group that the sample was drawn from: a TCGA study, `<study> normal` or `<tissue> GTEx`.
    `.obs['patient']` : str
        One per sample.
    `.uns['simulated']` : dict
        The parameters; its presence says that no sample here is real.

    Raises
    ------
    ValueError
        If `n_obs` or `depth` is not positive, `dispersion` is negative or a group is unknown.
    FileNotFoundError
        If the checkpoint directory holds no profiles.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(100, groups=["ACC", "STAD"])
    >>> adata.obs["cancer_type"].value_counts().tolist()
    [50, 50]
    """
    if n_obs < 1 or depth <= 0 or (dispersion is not None and dispersion < 0):
        msg = (
            f"Cannot draw {n_obs} samples of median depth {depth:g} with dispersion {dispersion}; "
            "expected n_obs >= 1, depth > 0 and dispersion >= 0."
        )
        raise ValueError(msg)
    profiles = read_profiles()
    chosen = list(profiles.means.columns if groups is None else groups)
    unknown = sorted(set(chosen) - set(profiles.means.columns))
    if unknown or not chosen:
        msg = f"No profile for {unknown or 'an empty list of groups'}. There are: {', '.join(profiles.means.columns)}."
        raise ValueError(msg)

    rng = np.random.default_rng(rng)
    label = np.arange(n_obs) % len(chosen)
    share = profiles.means[chosen].to_numpy(np.float64, copy=True).T
    share /= share.sum(1, keepdims=True)
    phi = profiles.dispersion.to_numpy(np.float64) if dispersion is None else np.full(share.shape[1], dispersion)
    depths = depth * np.exp(SD_LOG_DEPTH * rng.standard_normal(n_obs))
    counts = np.stack([_negative_binomial(d * share[k], phi, rng) for d, k in zip(depths, label, strict=True)])

    names = [f"sim{i:05d}" for i in range(n_obs)]
    obs = pd.DataFrame(
        {CANCER_TYPE.name: pd.Categorical.from_codes(label, chosen), PATIENT.name: names},
        index=pd.Index(names),
    )
    adata = AnnData(counts, obs=obs, var=pd.DataFrame(index=profiles.means.index.astype(str)))
    adata.uns[SIMULATED.name] = {
        "params": {"n_obs": n_obs, "groups": chosen, "depth": float(depth), "dispersion": dispersion},
        "note": "negative-binomial counts around real mean profiles; no sample is real",
    }
    return adata


def _negative_binomial(mean: np.ndarray, phi: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One sample: a gamma-distributed expected count per gene, then Poisson reads."""
    varying = phi > 0
    scatter = np.ones_like(mean)
    scatter[varying] = rng.gamma(1 / phi[varying], phi[varying])
    return rng.poisson(mean * scatter).astype(np.float32)
