from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from specformer.ranking._sums import join_limbs, order_free_sum, per_million, row_totals

rows = hnp.arrays(np.float32, (1, 40), elements=st.floats(0, 1e9, width=32))


@settings(max_examples=200)
@given(rows, st.randoms())
def test_row_totals_do_not_depend_on_the_order_of_columns(X, random):
    columns = random.sample(range(X.shape[1]), X.shape[1])
    assert row_totals(X[:, columns]) == row_totals(X) == row_totals(sparse.csr_matrix(X))
    np.testing.assert_allclose(row_totals(X), math.fsum(X[0].tolist()), rtol=1e-15)


@settings(max_examples=200)
@given(hnp.arrays(np.float64, 30, elements=st.floats(0, 2.0**20)), st.randoms(), st.integers(0, 30))
def test_sums_over_blocks_do_not_depend_on_order_or_on_blocks(x, random, cut):
    shuffled = np.array(random.sample(x.tolist(), len(x)))
    whole = join_limbs(order_free_sum(x, 2.0**20, axis=0))
    pieces = order_free_sum(shuffled[:cut], 2.0**20, axis=0) + order_free_sum(shuffled[cut:], 2.0**20, axis=0)
    assert join_limbs(pieces) == whole
    np.testing.assert_allclose(whole, math.fsum(x.tolist()), rtol=1e-15, atol=1e-15)


def test_plain_sums_would_depend_on_order():
    x = np.float64([2.0**20, 2.0**-33, 2.0**-33, 2.0**-33])
    assert x.sum() != x[::-1].sum()
    assert join_limbs(order_free_sum(x, 2.0**20, axis=0)) == join_limbs(order_free_sum(x[::-1], 2.0**20, axis=0))


def test_per_million_scales_rows_and_leaves_silent_ones_alone():
    X = np.float32([[1, 3], [0, 0]])
    for scaled in (per_million(X), per_million(sparse.csr_matrix(X)).toarray()):
        np.testing.assert_array_equal(scaled, np.float32([[250_000, 750_000], [0, 0]]))
