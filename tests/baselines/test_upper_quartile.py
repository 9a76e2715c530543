from __future__ import annotations

import numpy as np
import pytest

from specformer.baselines import HighlyVariableGenes, UpperQuartilePCA
from specformer.baselines._upper_quartile import leading_axes, upper_quartile_log2


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    factors, loadings = rng.standard_normal((150, 3)), rng.standard_normal((3, 60))
    return np.exp(factors @ loadings + 0.1 * rng.standard_normal((150, 60))), np.array([f"g{i}" for i in range(60)])


def test_upper_quartile_of_what_is_expressed_becomes_a_thousand():
    found = upper_quartile_log2(np.array([[0, 0, 1, 2, 3, 4, 5.0], [0] * 7]))
    assert found[0, 5] == pytest.approx(np.log2(1001))
    assert not found[1].any()


def test_depth_does_not_count(cohort):
    X, genes = cohort
    fitted = UpperQuartilePCA.fit(X, genes, n_dims=4)
    np.testing.assert_allclose(fitted.transform(X * 37, genes), fitted.transform(X, genes), rtol=1e-4, atol=1e-4)


def test_components_are_those_of_the_full_decomposition(cohort):
    X, _ = cohort
    X = X - X.mean(axis=0)
    values, axes = leading_axes(X, 5)
    _, singular, rows = np.linalg.svd(X, full_matrices=False)
    np.testing.assert_allclose(values, singular[:5] ** 2 / (len(X) - 1), rtol=1e-6)
    np.testing.assert_allclose(np.abs((rows[:5] * axes.T).sum(axis=1)), 1, rtol=1e-6)


def test_a_missing_gene_is_its_training_mean(cohort):
    X, genes = cohort
    fitted = HighlyVariableGenes.fit(X, genes, n_top=60)
    found = fitted.transform(X[:, :50], genes[:50])
    assert not found[:, 50:].any()
    assert found[:, :50].any(axis=0).all()


def test_columns_are_found_by_name_and_strangers_are_passed_over(cohort):
    X, genes = cohort
    fitted = UpperQuartilePCA.fit(X, genes, n_dims=4)
    order = np.random.default_rng(1).permutation(60)
    wider, names = np.c_[X[:, order], X], np.r_[genes[order], [f"other{i}" for i in range(60)]]
    np.testing.assert_allclose(fitted.transform(wider, names), fitted.transform(X, genes), rtol=1e-5)
    with pytest.raises(ValueError, match="None of the 2 genes"):
        fitted.transform(X[:, :2], ["x", "y"])


def test_most_variable_genes_are_kept(cohort):
    X, genes = cohort
    X = X.copy()
    X[:, 10] = np.where(np.arange(150) % 2, 1e6, 1e-6)
    fitted = HighlyVariableGenes.fit(X, genes, n_top=1)
    assert list(genes[fitted.chosen]) == ["g10"]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_logs_and_holes_are_refused(cohort, bad):
    X, genes = cohort
    X = X.copy()
    X[3, 3] = bad
    with pytest.raises(ValueError, match="non-negative"):
        UpperQuartilePCA.fit(X, genes)
