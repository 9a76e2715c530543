from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import specformer as sf

N_OBS, N_VARS = 60, 200


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    level = rng.gamma(0.5, 200, N_VARS)
    level[:20] = 0.05  # silent
    return rng.negative_binomial(2, 2 / (2 + level), size=(N_OBS, N_VARS)).astype(np.float32)


def oracle(counts, min_median=0.1, quantile=0.1):
    values = np.log2(counts / counts.sum(axis=1, keepdims=True) * 1e6 + 1)
    variance = values.var(axis=0)
    return (np.median(values, axis=0) >= min_median) & (variance > np.quantile(variance, quantile))


def informative(X, **kwargs):
    adata = X if isinstance(X, ad.AnnData) else ad.AnnData(X)
    sf.pp.filter_genes(adata, **kwargs)
    return adata.var["informative"].to_numpy()


def test_equals_a_dense_oracle(counts):
    found = informative(counts)
    assert (found == oracle(counts)).all()
    assert 0 < found.sum() < N_VARS
    assert found.dtype == bool


@pytest.mark.parametrize(("median", "quantile"), [(0, 0), (3, 0), (0, 0.5), (8, 0.3)])
def test_thresholds(counts, median, quantile):
    if quantile:
        expected = oracle(counts, median, quantile)
    else:
        per_million = np.log2(counts / counts.sum(axis=1, keepdims=True) * 1e6 + 1)
        expected = np.median(per_million, axis=0) >= median
    assert (informative(counts, min_median=median, min_variance_quantile=quantile) == expected).all()


def test_the_unit_does_not_matter(counts):
    cpm = counts / counts.sum(axis=1, keepdims=True) * 1e6
    for X in (np.log2(counts + 1), np.log1p(counts), cpm.astype(np.float32), np.log2(cpm + 1).astype(np.float32)):
        assert (informative(X) == oracle(counts)).all()


def backed(X, tmp_path):
    ad.AnnData(X).write_h5ad(tmp_path / "cohort.h5ad")
    return ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r")


@pytest.mark.parametrize("container", ["csr", "csc", "dask", "backed", "backed csr", "view", "layer"])
def test_storage_does_not_matter(counts, container, tmp_path):
    kwargs = {}
    if container == "csr":
        adata = ad.AnnData(sparse.csr_matrix(counts))
    elif container == "csc":
        adata = ad.AnnData(sparse.csc_matrix(counts))
    elif container == "dask":
        adata = ad.AnnData(pytest.importorskip("dask.array").from_array(counts, chunks=(7, 33)))
    elif container == "backed":
        adata = backed(counts, tmp_path)
    elif container == "backed csr":
        adata = backed(sparse.csr_matrix(counts), tmp_path)
    elif container == "view":
        adata = ad.AnnData(np.vstack([counts, 3 * counts]))[:N_OBS]
    else:
        adata, kwargs = ad.AnnData(np.ones_like(counts), layers={"counts": counts}), {"layer": "counts"}
    assert (informative(adata, **kwargs) == oracle(counts)).all()


@pytest.fixture
def split_cohort(counts):
    adata = ad.AnnData(
        counts,
        obs=pd.DataFrame({"patient": [f"p{i // 2}" for i in range(N_OBS)]}, index=[f"s{i}" for i in range(N_OBS)]),
    )
    sf.pp.split(adata, fractions=(0.6, 0.2, 0.2), stratify=None)
    return adata


def test_held_out_samples_have_no_say(split_cohort, counts):
    held_out = (split_cohort.obs["split"] != "train").to_numpy()
    assert 5 < held_out.sum() < 40
    scrambled = split_cohort.copy()
    rng = np.random.default_rng(1)
    scrambled.X[held_out] = rng.permuted(scrambled.X[held_out], axis=1)
    sf.pp.filter_genes(split_cohort)
    sf.pp.filter_genes(scrambled)
    assert (scrambled.var["informative"] == split_cohort.var["informative"]).all()
    assert scrambled.uns["gene_filter"] == split_cohort.uns["gene_filter"]
    assert (split_cohort.var["informative"].to_numpy() == oracle(counts[~held_out])).all()
    # The test can fail: with all rows, the scrambled cohort passes other genes.
    everyone = np.ones(N_OBS, bool)
    assert (informative(scrambled, mask_obs=everyone) != informative(split_cohort, mask_obs=everyone)).any()


def test_mask_by_column_or_array(split_cohort, counts):
    mask = np.arange(N_OBS) % 3 == 0
    split_cohort.obs["use"] = mask
    assert (informative(split_cohort, mask_obs="use") == oracle(counts[mask])).all()
    assert split_cohort.uns["gene_filter"]["rows"] == "obs['use']"
    assert (informative(split_cohort, mask_obs=mask) == oracle(counts[mask])).all()
    assert split_cohort.uns["gene_filter"]["rows"] == "a mask"
    assert split_cohort.uns["gene_filter"]["n_obs"] == mask.sum()


def test_says_which_rows_it_learned_from(split_cohort, counts, capsys):
    sf.pp.filter_genes(split_cohort)
    assert "learned from obs['split'] == 'train'" in capsys.readouterr().err
    sf.pp.filter_genes(ad.AnnData(counts))
    assert f"learned from all samples ({N_OBS} samples)" in capsys.readouterr().err


def test_what_is_written(counts):
    adata = ad.AnnData(counts)
    copied = sf.pp.filter_genes(adata, copy=True)
    assert list(adata.var) == list(adata.uns) == []
    report = copied.uns["gene_filter"]
    assert report["params"] == {"min_median": 0.1, "min_variance_quantile": 0.1, "layer": None}
    assert report["scale"] == "counts"
    assert report["n_kept"] == copied.var["informative"].sum()
    assert report["n_low_variance"] == 20
    assert (copied.X == counts).all()
    assert copied.n_vars == N_VARS


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"mask_obs": np.arange(N_OBS)}, ValueError, "dtype int64.*expected bool"),
        ({"mask_obs": np.ones(3, bool)}, ValueError, r"shape \(3,\); expected bool and \(60,\)"),
        ({"mask_obs": np.arange(N_OBS) == 0}, ValueError, "leaves 1 of 60 samples"),
        ({"mask_obs": "use"}, KeyError, r"Did not find `adata.obs\['use'\]`"),
        ({"layer": "tpm"}, KeyError, r"Did not find `adata.layers\['tpm'\]`"),
        ({"min_variance_quantile": 1.0}, ValueError, "below 1"),
        ({"min_median": -1}, ValueError, "at least 0"),
    ],
)
def test_errors(counts, kwargs, error, message):
    adata = ad.AnnData(counts)
    with pytest.raises(error, match=message):
        sf.pp.filter_genes(adata, **kwargs)
    assert list(adata.var) == list(adata.uns) == []


def test_z_scores_are_refused(counts):
    adata = ad.AnnData(counts - counts.mean(axis=0))
    with pytest.raises(ValueError, match="z-scores or centred logs"):
        sf.pp.filter_genes(adata)
    assert list(adata.var) == []
