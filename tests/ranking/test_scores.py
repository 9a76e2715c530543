from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from specformer.ranking import fit_statistics, normal_scores, rank_rows


def test_scores_are_normal_quantiles_of_midranks():
    X = np.random.default_rng(0).permuted(np.tile(np.r_[np.zeros(15), np.arange(1, 26)], (4, 1)), axis=1)
    X[1, X[1] > 0] += 1
    X[2, X[2] > 20] = 0
    X[3] += 1
    ranks = rank_rows(X, fit_statistics([X], "expression"))
    # Midranks from below: all zeros of a sample share theirs.
    expected = stats.norm.ppf((stats.rankdata(X[:3], axis=1) - 0.5) / 40)
    scores = normal_scores(ranks, (X > 0).sum(axis=1))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores[:3], expected, rtol=1e-5)
    assert np.isfinite(scores[3]).all()


def test_ranks_with_gaps_are_refused():
    with pytest.raises(ValueError, match="rank 7 among 2 genes: the ranks have gaps"):
        normal_scores(np.array([[0, 7]]), np.array([2]))
