"""The trained references: other models' ideas, trained on the same training patients for the same time."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from packaging.version import Version
from scipy import sparse

import specformer
from specformer._atomic import atomic_directory
from specformer._logging import logger
from specformer._settings import settings
from specformer.bench._representation import blind

if TYPE_CHECKING:
    from anndata import AnnData

    from specformer.baselines import TrainedEmbedder
    from specformer.bench._cohorts import Cohorts

TRAINED_REFERENCES = {
    "VAE": "vae",
    "GAN": "gan",
    "binned masked model": "binned_masked",
    "count autoencoder": "count_autoencoder",
    "truncated window": "truncated_window",
}
"""Methods of :func:`specformer.baselines.fit_trained`, by the name they have in tables."""


def trained_embedders(
    cohorts: Cohorts, *, minutes: float | None = 10.0, steps: int | None = None
) -> dict[str, TrainedEmbedder]:
    """The trained baselines, each fitted to the training patients of the wide cohort, or read from the cache.

    Parameters
    ----------
    cohorts
        From :func:`read_cohorts`; `wide` must be there.
    minutes, steps
        What each is given to train with, whichever ends first: time, of the processor, which is fair to all on one machine, or batches,
        which give the same bits everywhere. None is no limit.

    Returns
    -------
    Fitted embedders by name. They lie in `settings.cachedir / "baselines"`, in a folder named by a hash of the training
    samples, the method, the budget and the release of the package, so that the next run has the very same.

    Raises
    ------
    ValueError
        If there is no wide cohort, or no budget.
    """
    if "wide" not in cohorts:
        msg = "The trained baselines learn from the cohort 'wide', which is not there."
        raise ValueError(msg)
    train = blind(cohorts["wide"][cohorts.part("wide", "train")])
    content = content_hash(train)
    return {
        name: _fitted(train, method, content, minutes=minutes, steps=steps)
        for name, method in TRAINED_REFERENCES.items()
    }


def content_hash(adata: AnnData) -> str:
    """SHA-256 of expression and gene names."""
    X = adata.X.toarray() if sparse.issparse(adata.X) else np.asarray(adata.X)
    digest = sha256(repr((X.shape, X.dtype.str)).encode())
    digest.update(np.ascontiguousarray(X).tobytes())
    digest.update(adata.var.to_csv().encode())
    return digest.hexdigest()


def _fitted(train: AnnData, method: str, content: str, *, minutes: float | None, steps: int | None) -> TrainedEmbedder:
    from specformer.baselines import TrainedEmbedder, fit_trained

    recipe = repr((content, method, minutes, steps, Version(specformer.__version__).release))
    path = settings.cachedir / "baselines" / f"{method}-{sha256(recipe.encode()).hexdigest()[:16]}"
    if not path.exists():
        embedder = fit_trained(train, method=method, minutes=minutes, steps=steps)
        with atomic_directory(path) as written:
            embedder.write(written)
    embedder = TrainedEmbedder.read(path)
    logger.info("%s: %d steps of training (%s)", method, len(embedder.model.history), path)
    return embedder
