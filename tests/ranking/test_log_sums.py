from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from specformer.ranking._log_sums import add_log_sums, log_sums, log_variance, median_is_below


def logs_of(X):
    # Scaled in double precision and rounded once: one bit of a logarithm shows in the variance.
    return np.log2((X * (1e6 / X.sum(axis=1, keepdims=True, dtype=np.float64))).astype(np.float32) + 1)


@given(data=st.data())
def test_equal_medians_and_variances_whatever_the_blocks(data):
    n = data.draw(st.integers(2, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    X = rng.poisson(rng.gamma(0.3, 3, 5), (n, 5)).astype(np.float32)
    X[:, 0] += 1  # no sample without expression
    logs = logs_of(X)
    # The hard case is a threshold between the two middle values, or equal to one of them.
    middle = np.sort(logs, axis=0)[[(n - 1) // 2, n // 2]]
    threshold = float(data.draw(st.sampled_from([0.0, 0.1, 12.5, *middle.mean(axis=0).tolist(), *middle[0].tolist()])))
    cuts = sorted(data.draw(st.lists(st.integers(1, n - 1), unique=True)))
    parts = [log_sums(block, threshold) for block in np.split(X, cuts)]
    sums = add_log_sums(reversed(parts))
    np.testing.assert_array_equal(median_is_below(sums, threshold), np.median(logs, axis=0) < np.float64(threshold))
    np.testing.assert_allclose(log_variance(sums), logs.var(axis=0, dtype=np.float64), rtol=1e-9, atol=1e-12)
    whole = log_sums(sparse.csr_matrix(X), threshold)
    for part, other in zip(sums, whole, strict=True):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("value", [0.0, 1.0, 333_333.0])
def test_a_gene_that_never_varies_has_no_variance(value):
    X = np.full((50, 3), value, np.float32)
    X[:, 0] = 1e6 - 2 * value
    np.testing.assert_array_equal(log_variance(log_sums(X, 0.1)), 0)
