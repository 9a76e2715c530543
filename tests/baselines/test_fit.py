from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from specformer import baselines
from specformer.metrics import row_cosine


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(0)
    means = np.exp(rng.standard_normal((60, 4)) @ rng.standard_normal((4, 80)) + 3)
    var = pd.DataFrame(
        {
            "symbol": [f"GENE{i}" for i in range(80)],
            "ensembl": [f"ENSG{i:011d}" for i in range(80)],
            "entrez": [str(1000 + 17 * i) for i in range(80)],
        },
        index=[f"GENE{i}" for i in range(80)],
    )
    obs = pd.DataFrame(index=[f"s{i}" for i in range(60)])
    return ad.AnnData(rng.poisson(means).astype(np.float32), obs=obs, var=var)


@pytest.mark.parametrize("method", ["pca", "hvg", "rank_ppca"])
def test_unit_names_storage_and_column_order_do_not_change_the_vectors(cohort, method):
    embedder = baselines.fit_linear(cohort, method=method, n_dims=6)
    expected = embedder(cohort)
    other = cohort[:, np.random.default_rng(1).permutation(80)].copy()
    cpm = 1e6 * other.X / other.X.sum(axis=1, keepdims=True)
    other.X = sparse.csr_matrix(np.log2(cpm + 1))
    other.var_names = [f"{ensembl}.7" for ensembl in other.var["ensembl"]]
    assert row_cosine(embedder(other), expected).min() > 0.999
    other.var_names = [f"?|{entrez}" for entrez in other.var["entrez"]]
    assert row_cosine(embedder(other), expected).min() > 0.999


def test_labels_and_neighbours_have_no_say(cohort):
    embedder = baselines.fit_linear(cohort, n_dims=6)
    np.testing.assert_allclose(embedder(cohort[7:9]), embedder(cohort)[7:9], rtol=1e-5, atol=1e-5)


def test_pairs_bring_schemes_together(cohort):
    other = cohort.copy()
    other.X = cohort.X * np.where(np.arange(80) % 4 == 0, 8, 1).astype(np.float32) + 0.01
    train, test = slice(0, 45), slice(45, 60)
    mixed = ad.concat([cohort[:23], other[23:45]], merge="same")
    plain = baselines.fit_linear(mixed, n_dims=8)
    whitened = baselines.fit_linear(mixed, n_dims=8, pairs=[(cohort[train], other[train])])

    def gap(embedder):
        first, second = embedder(cohort[test]), embedder(other[test])
        return np.linalg.norm(first - second) / np.linalg.norm(first - first.mean(axis=0))

    assert gap(whitened) < gap(plain) / 1.5


def test_uneven_pairs_unknown_methods_and_z_scores_are_refused(cohort):
    with pytest.raises(ValueError, match="row by row"):
        baselines.fit_linear(cohort, pairs=[(cohort[:3], cohort[:4])])
    with pytest.raises(ValueError, match="'pca'"):
        baselines.fit_linear(cohort, method="PCA")
    scaled = cohort.copy()
    scaled.X = (cohort.X - cohort.X.mean(axis=0)) / (cohort.X.std(axis=0) + 1)
    with pytest.raises(ValueError, match="cannot be made linear"):
        baselines.fit_linear(scaled)


@pytest.mark.parametrize("method", ["pca", "hvg", "rank_ppca"])
def test_written_and_read_back_it_gives_the_same_bits(cohort, method, tmp_path):
    embedder = baselines.fit_linear(cohort, method=method, n_dims=6, pairs=[(cohort, cohort)])
    embedder.write(tmp_path / "fitted")
    again = baselines.LinearEmbedder.read(tmp_path / "fitted")
    np.testing.assert_array_equal(again(cohort), embedder(cohort))


def test_linear_embed_writes_one_key(cohort):
    embedder = baselines.fit_linear(cohort, n_dims=6)
    adata = baselines.linear_embed(cohort, embedder, copy=True)
    assert "X_linear" not in cohort.obsm
    np.testing.assert_array_equal(adata.obsm["X_linear"], embedder(cohort))
    assert baselines.linear_embed(adata, embedder, key_added="mine") is None
    assert adata.obsm["mine"].shape == (60, 6)


def test_names_alone_will_do(cohort):
    bare = ad.AnnData(cohort.X, var=pd.DataFrame(index=cohort.var["ensembl"].to_numpy()))
    assert baselines.fit_linear(bare, n_dims=6).vocabulary.table["ensembl"].ne("").all()
