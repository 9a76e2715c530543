"""What a run is trained on: the genes, the ranks of all cohorts, and which samples are held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specformer.train._cohorts import open_cohorts, patients_of, sides_of
from specformer.train._corpus import Corpus
from specformer.train._store import rank_store
from specformer.train._vocabulary import build_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData

    from specformer.genes import GeneVocabulary


class Material(NamedTuple):
    """Ranked samples, and their two sides."""

    genes: GeneVocabulary
    corpus: Corpus
    training: np.ndarray
    """int64: numbers of the corpus."""
    held_out: np.ndarray
    """int64: numbers of the corpus; those to be judged on."""


def gather(
    adata: AnnData | str | Path | Sequence[AnnData | str | Path],
    *,
    weighting: str,
    vocabulary: GeneVocabulary | None,
    schemes: Sequence[str] | None,
    lengths: str | None,
    validation: float,
    table: pd.DataFrame | None,
    cache: str | Path | None,
    layer: str | None,
    scale: str | None,
    gene_key: str | None,
) -> Material:
    """Read and rank all cohorts in all schemes, under statistics of the training samples alone; as for `pretrain`."""
    cohorts = open_cohorts(adata)
    sides = sides_of(cohorts, validation=validation)
    reading = {"layer": layer, "scale": scale, "gene_key": gene_key}
    is_train = [side == "train" for side in sides]
    genes = vocabulary or build_vocabulary(cohorts, weighting=weighting, mask_obs=is_train, table=table, **reading)
    stores = [
        rank_store(cohort, genes, rows=side != "test", scheme=scheme, lengths=lengths, path=cache, **reading)
        for cohort, side in zip(cohorts, sides, strict=True)
        for scheme in (None, *(schemes or ()))
    ]
    patients = {
        name: own for cohort in cohorts for name, own in zip(cohort.obs_names, patients_of(cohort), strict=True)
    }
    corpus = Corpus.of(stores, patients)
    return Material(genes, corpus, *_sides_of_samples(corpus, cohorts, sides))


def _sides_of_samples(
    corpus: Corpus, cohorts: Sequence[AnnData], sides: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the corpus's samples to train on, and of those to be judged on."""
    names = np.concatenate([cohort.obs_names.to_numpy(str) for cohort in cohorts])
    side_of = dict(zip(names.tolist(), np.concatenate(sides).tolist(), strict=True))
    is_train = np.array([side_of[sample] == "train" for sample in corpus.samples.tolist()])
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)
