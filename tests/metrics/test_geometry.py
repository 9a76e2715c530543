from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_k_equal_axes_have_effective_rank_k():
    X = np.concatenate([np.eye(8)[:, :5], -np.eye(8)[:, :5]])
    assert metrics.effective_rank(X) == pytest.approx(5)
    assert metrics.top_eigenvalue_share(X) == pytest.approx(0.2)


def test_one_direction_far_from_the_origin_has_rank_one():
    X = 100 + np.outer(np.arange(10.0), [1, 2, 3])
    assert metrics.effective_rank(X) == pytest.approx(1)
    assert metrics.top_eigenvalue_share(X) == pytest.approx(1)


def test_shares_are_pca_shares():
    from sklearn.decomposition import PCA

    X = np.random.default_rng(0).standard_normal((40, 6)) * np.arange(1, 7)
    np.testing.assert_allclose(metrics.spectrum(X), PCA().fit(X).explained_variance_ratio_)


def test_constant_rows_are_refused():
    with pytest.raises(ValueError, match="no variance"):
        metrics.effective_rank(np.ones((4, 3)))
