from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from specformer.baselines import RankPPCA
from specformer.baselines._rank_ppca import nonzero_median, rank_normal_scores


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(0)
    factors, loadings = rng.standard_normal((400, 3)), rng.standard_normal((3, 120))
    X = np.exp(factors @ loadings + 0.5 * rng.standard_normal((400, 120)) + rng.normal(3, 2, 120))
    X[X < np.quantile(X, 0.1)] = 0
    return X, np.array([f"g{i}" for i in range(120)])


def test_scores_are_normal_and_zeros_share_their_middle_rank():
    scores = rank_normal_scores(np.array([[5.0, 0, 0, 1, 0]]))
    np.testing.assert_allclose(norm.cdf(scores), [[0.9, 0.3, 0.3, 0.7, 0.3]])


def test_median_is_over_samples_that_express_the_gene():
    np.testing.assert_array_equal(nonzero_median(np.array([[0, 0, 1.0], [3, 0, 2], [5, 0, 9]])), [4, 1, 2])


def test_posterior_mean_equals_the_gaussian_formula(cohort):
    X, genes = cohort
    fitted = RankPPCA.fit(X, genes, n_dims=3, noise_variance=0.4)
    at_hand = np.arange(0, 120, 2)
    scores = rank_normal_scores(X[:, at_hand] / fitted.median[at_hand])
    x = (scores - fitted.mean[at_hand]) / fitted.sd[at_hand]
    # Conditional mean of jointly normal coordinates and genes, by the covariance of the genes at hand.
    A, prior = fitted.axes[at_hand], np.diag(fitted.spread**2)
    expected = x @ np.linalg.inv(A @ prior @ A.T + 0.4 * np.eye(60)) @ A @ prior
    np.testing.assert_allclose(fitted.transform(X[:, at_hand], genes[at_hand]), expected, rtol=1e-4, atol=1e-4)


def test_the_unit_of_a_sample_counts_for_nothing(cohort):
    X, genes = cohort
    fitted = RankPPCA.fit(X, genes, n_dims=3)
    # A power of two, so that no tie is made or broken by rounding.
    np.testing.assert_array_equal(fitted.transform(2.0**20 * X, genes), fitted.transform(X, genes))


def test_a_few_genes_point_the_same_way_and_fewer_say_less(cohort):
    X, genes = cohort
    fitted = RankPPCA.fit(X[:300], genes, n_dims=3)
    whole, half, few = (fitted.transform(X[300:, :n], genes[:n]) for n in (120, 60, 12))

    def cosine(a, b):
        return ((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean()

    assert cosine(half, whole) > cosine(few, whole) > 0.7
    assert np.linalg.norm(few) < np.linalg.norm(half) < 1.05 * np.linalg.norm(whole)


def test_missing_genes_are_guessed_from_the_others(cohort):
    X, genes = cohort
    fitted = RankPPCA.fit(X[:300], genes, n_dims=3)
    target = (rank_normal_scores(X[300:] / fitted.median) - fitted.mean) / fitted.sd
    guess = fitted.transform(X[300:, :60], genes[:60]) @ fitted.axes.T
    assert ((target - guess)[:, 60:] ** 2).mean() < 0.5 * (target[:, 60:] ** 2).mean()


def test_more_dimensions_than_there_is_signal_for_do_no_harm():
    X = np.random.default_rng(0).gamma(1.0, size=(20, 10))
    found = RankPPCA.fit(X, [f"g{i}" for i in range(10)], n_dims=128).transform(X, [f"g{i}" for i in range(10)])
    assert found.shape == (20, 10)
    assert np.isfinite(found).all()
