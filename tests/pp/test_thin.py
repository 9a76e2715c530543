from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import specformer as sf


def test_counts_have_the_depth_and_the_shares(cohort):
    share = cohort.X / cohort.X.sum(axis=1, keepdims=True)
    thinned = sf.pp.thin(cohort, 200_000, copy=True)
    np.testing.assert_array_equal(thinned.X, np.round(thinned.X))
    np.testing.assert_allclose(thinned.X.sum(axis=1), 200_000, rtol=0.02)
    expected = share * 200_000
    deviation = (thinned.X - expected) / np.sqrt(expected + 1e-9)
    assert deviation[expected > 5].std() == pytest.approx(1, abs=0.05)
    assert not (thinned.X > 0)[cohort.X == 0].any()


def test_containers_and_logarithms_give_the_same_counts(cohort):
    expected = sf.pp.thin(cohort, 5_000, rng=3, copy=True).X
    logs = cohort.copy()
    logs.X = np.log1p(logs.X.astype(np.float64))
    logs.uns["log1p"] = {"base": None}
    sf.pp.thin(logs, 5_000, rng=3)
    assert (logs.X != expected).mean() < 1e-3
    assert "log1p" not in logs.uns
    assert sf.pp.detect_scale(logs).name == "counts"
    for container in (sparse.csr_matrix, sparse.csc_matrix):
        stored = ad.AnnData(container(cohort.X), obs=cohort.obs, var=cohort.var)
        sf.pp.thin(stored, 5_000, rng=np.random.default_rng(3))
        assert sparse.issparse(stored.X)
        np.testing.assert_array_equal(stored.X.toarray(), expected)


def test_a_seed_is_a_draw(cohort):
    one, same, other = (sf.pp.thin(cohort, 5_000, rng=rng, copy=True).X for rng in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_what_cannot_be_thinned_is_left_as_it_was(cohort, tmp_path):
    before = cohort.X.copy()
    with pytest.raises(ValueError, match="`n_reads` is 0; expected a positive number"):
        sf.pp.thin(cohort, 0)
    cohort.layers["z"] = (before - before.mean(axis=0)) / (before.std(axis=0) + 1)
    with pytest.raises(ValueError, match="z-scores or centred logs"):
        sf.pp.thin(cohort, 100, layer="z")
    np.testing.assert_array_equal(cohort.X, before)
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    with pytest.raises(ValueError, match=r"is backed; .* Use `adata.to_memory\(\)` first"):
        sf.pp.thin(ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r"), 100)
