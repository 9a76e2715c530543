"""The fields that an order leaves in an AnnData: written, and read back as a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._checks import require_key
from specformer._interrupts import undivided
from specformer._keys import DF, GENE_OFFSET, GENE_WEIGHT, IDF, N_EXPRESSED, TFIDF, TFIDF_RANK
from specformer.ranking import GeneStatistics

if TYPE_CHECKING:
    from anndata import AnnData
    from anndata.compat import DaskArray

    from specformer._keys import Key
    from specformer.pp._statistics import ColumnStatistics


def field(key: Key, key_added: str) -> str:
    """What `key` is called when the rank layer is called `key_added`."""
    if key_added == TFIDF_RANK.name:
        return key.name
    return key_added if key in (TFIDF_RANK, TFIDF) else f"{key_added}_{key.name}"


def write_order(
    adata: AnnData,
    ranks: np.ndarray | DaskArray,
    n_expressed: np.ndarray,
    columns: ColumnStatistics,
    note: dict[str, Any],
    key_added: str,
) -> None:
    """Write ranks, statistics and provenance; nothing can fail here any more."""
    for key in (IDF, GENE_WEIGHT, GENE_OFFSET):  # an earlier order under this key may have had another weighting
        if field(TFIDF, key_added) in adata.uns and field(key, key_added) in adata.var:
            del adata.var[field(key, key_added)]
    statistics = columns.statistics

    def on_all_columns(values: np.ndarray, fill: float) -> np.ndarray:
        full = np.full(adata.n_vars, fill, values.dtype)
        full[columns.known] = values
        return full

    with undivided():
        adata.layers[key_added] = ranks
        adata.obs[field(N_EXPRESSED, key_added)] = n_expressed
        adata.var[field(_weight_key(statistics.weighting), key_added)] = on_all_columns(statistics.scale, np.nan)
        if statistics.offset is not None:
            adata.var[field(GENE_OFFSET, key_added)] = on_all_columns(statistics.offset, np.nan)
        adata.var[field(DF, key_added)] = on_all_columns(statistics.df, 0)
        adata.uns[field(TFIDF, key_added)] = {
            **note,
            "reference": columns.source,
            "n_obs": statistics.n_obs,
            "fingerprint": columns.fingerprint,
        }


def read_statistics(reference: AnnData, key_added: str) -> tuple[GeneStatistics, str]:
    """The statistics that an order left in `reference`, under this key or the default one, and their fingerprint.

    Factors are NaN for genes that they do not cover.
    """
    if field(TFIDF, key_added) not in reference.uns:
        key_added = TFIDF_RANK.name
    run = "sf.pp.tfidf_order(reference)"
    note = require_key(reference, "uns", field(TFIDF, key_added), run=run)
    weighting = str(note["params"]["weighting"])

    def column(key: Key, dtype: type) -> np.ndarray:
        return require_key(reference, "var", field(key, key_added), run=run).to_numpy(dtype)

    statistics = GeneStatistics(
        weighting=weighting,
        n_obs=int(note["n_obs"]),
        scale=column(_weight_key(weighting), np.float32),
        offset=column(GENE_OFFSET, np.float32) if weighting == "zscore" else None,
        df=column(DF, np.int64),
    )
    return statistics, str(note["fingerprint"])


def _weight_key(weighting: str) -> Key:
    return IDF if weighting in ("tfidf", "tfidf_smooth") else GENE_WEIGHT
