"""Which group of the training cohort a sample lies nearest to, by the groups' mean profiles."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from specformer._checks import require_key
from specformer._keys import X_SPECFORMER
from specformer.metrics._retrieval import unit_rows

if TYPE_CHECKING:
    from anndata import AnnData


def nearest_profiles(adata: AnnData, *, k: int = 3) -> pd.DataFrame:
    """Find the nearest mean profiles among the groups that the package ships.

    What is shipped are means over groups of TCGA and GTEx training patients (tumour types, their normal tissue, healthy
    tissue), not samples, and not every type that the classifier knows is among them. So this is a second opinion on where
    a sample lies, and no list of similar patients.

    Parameters
    ----------
    adata
        Samples embedded with the checkpoint of the package.
    k
        Profiles for each sample.

    Returns
    -------
    One row for each sample; columns `nearest_1`, `cosine_1`, `nearest_2`, ...

    Raises
    ------
    KeyError
        If the samples are not embedded.

    Examples
    --------
    >>> import specformer as sf
    >>> from specformer.serve import nearest_profiles
    >>> adata = sf.datasets.simulated_cohort(4, groups=["ACC", "STAD"])
    >>> sf.tl.specformer_embed(adata)
    >>> nearest_profiles(adata, k=1)["nearest_1"].tolist()
    ['ACC', 'STAD', 'ACC', 'STAD']
    """
    vectors = np.asarray(require_key(adata, "obsm", X_SPECFORMER.name, run="sf.tl.specformer_embed(adata)"))
    names, profiles = _profile_vectors()
    cosine = unit_rows(vectors) @ unit_rows(profiles).T
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    columns: dict[str, np.ndarray] = {}
    for i in range(nearest.shape[1]):
        columns[f"nearest_{i + 1}"] = names[nearest[:, i]]
        columns[f"cosine_{i + 1}"] = np.take_along_axis(cosine, nearest[:, [i]], axis=1)[:, 0].astype(np.float32)
    return pd.DataFrame(columns, index=adata.obs_names)


@lru_cache(maxsize=1)
def _profile_vectors() -> tuple[np.ndarray, np.ndarray]:
    from anndata import AnnData

    from specformer.datasets._profiles import read_profiles
    from specformer.tl import specformer_embed

    means = read_profiles().means
    reference = AnnData(
        means.T.to_numpy(np.float32), obs=pd.DataFrame(index=means.columns), var=pd.DataFrame(index=means.index)
    )
    specformer_embed(reference, scale="linear")
    return means.columns.to_numpy(str), np.asarray(reference.obsm[X_SPECFORMER.name])
