from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import specformer as sf


def test_mixtures_lie_between_at_equal_quartiles(cohort):
    own, other = cohort[:5], cohort[5:10].copy()
    other.X = np.log2(other.X + 1)
    half, pure, none = (sf.pp.mix(own, other, purity=share, copy=True).X for share in (0.5, 1.0, 0.0))
    np.testing.assert_allclose(half, (pure + none) / 2, rtol=1e-4)
    np.testing.assert_allclose(np.quantile(pure[0][pure[0] > 0], 0.75), 1_000, rtol=1e-4)
    np.testing.assert_allclose(pure, sf.pp.to_scheme(own, "uq", copy=True).X, rtol=1e-4)
    np.testing.assert_allclose(none, sf.pp.to_scheme(other, "uq", copy=True).X, rtol=1e-4)


def test_in_place_the_names_stay_and_the_notes_go(cohort):
    sf.pp.to_scheme(cohort, "cpm")
    names, mate = cohort.obs_names.copy(), cohort[::-1].copy()
    before = mate.X.copy()
    sf.pp.mix(cohort, mate, purity=0.75)
    assert cohort.obs_names.equals(names)
    assert "scheme" not in cohort.uns
    np.testing.assert_array_equal(mate.X, before)


def test_sparse_stays_sparse(cohort):
    expected = sf.pp.mix(cohort, cohort[::-1], purity=0.6, copy=True).X
    stored = ad.AnnData(sparse.csr_matrix(cohort.X), obs=cohort.obs, var=cohort.var)
    half = sf.pp.mix(stored, cohort[::-1], purity=0.6, copy=True)
    assert isinstance(half.X, np.ndarray)
    sf.pp.mix(stored, stored[::-1], purity=0.6)
    assert sparse.issparse(stored.X)
    np.testing.assert_allclose(stored.X.toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(half.X, expected, rtol=1e-5)


def test_what_does_not_match_is_refused(cohort):
    before = cohort.X.copy()
    with pytest.raises(ValueError, match=r"`purity` is 1\.5; expected a share"):
        sf.pp.mix(cohort, cohort, purity=1.5)
    with pytest.raises(ValueError, match=r"`other` has 3 samples, `adata` 30.*`other\[rows\]`"):
        sf.pp.mix(cohort, cohort[:3], purity=0.5)
    with pytest.raises(ValueError, match="Genes of `adata` and `other` differ"):
        sf.pp.mix(cohort, cohort[:, ::-1], purity=0.5)
    np.testing.assert_array_equal(cohort.X, before)
