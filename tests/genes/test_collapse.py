from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from specformer.genes import N_SPECIAL, align_columns, collapse_columns

VALUES = st.floats(0, 2**20, width=32) | st.just(0.0) | st.floats(2**-100, 2**-30, width=32)


@st.composite
def cohorts(draw):
    n_columns = draw(st.integers(1, 12))
    block = draw(hnp.arrays(np.float32, (draw(st.integers(1, 5)), n_columns), elements=VALUES))
    index = np.array(draw(st.lists(st.integers(-1, 6), min_size=n_columns, max_size=n_columns)))
    order = np.array(draw(st.permutations(range(n_columns))))
    return block, index, order


@settings(max_examples=200, deadline=None)
@given(cohorts())
def test_collapse_equals_a_plain_sum(cohort):
    block, index, _ = cohort
    collapsed, genes = collapse_columns(block, index)
    assert genes.tolist() == sorted(set(index[index >= 0]))
    expected = (
        np.stack([block[:, index == gene].astype(np.float64).sum(axis=1) for gene in genes], axis=1)
        if len(genes)
        else np.zeros((len(block), 0))
    )
    np.testing.assert_allclose(collapsed, expected, rtol=1e-6)
    assert collapsed.dtype == np.float32


@settings(max_examples=200, deadline=None)
@given(cohorts())
def test_column_order_and_storage_do_not_change_a_bit(cohort):
    block, index, order = cohort
    dense, genes = collapse_columns(block, index)
    for other in (block[:, order], sparse.csr_matrix(block[:, order]), sparse.csr_array(block[:, order])):
        collapsed, genes_of_other = collapse_columns(other, index[order])
        assert genes_of_other.tolist() == genes.tolist()
        collapsed = collapsed.toarray() if sparse.issparse(collapsed) else collapsed
        assert (np.ascontiguousarray(collapsed).view(np.uint32) == np.ascontiguousarray(dense).view(np.uint32)).all()


def test_sums_are_rounded_once_and_from_the_smallest():
    # From the largest down, or in float32, both crumbs would be lost and the sum would be 1.
    values = np.array([1, 2**-24, 2**-53, 2**-53, 7], np.float32)
    for order in permutations(range(4)):
        block, index = values[[[*order, 4]]], np.array([2, 2, 2, 2, 5])
        for other in (block, sparse.csr_matrix(block)):
            collapsed, _ = collapse_columns(other, index)
            assert (collapsed.toarray() if sparse.issparse(collapsed) else collapsed).tolist() == [[1 + 2**-23, 7]]


@settings(max_examples=50, deadline=None)
@given(cohorts())
def test_rows_do_not_depend_on_each_other(cohort):
    block, index, _ = cohort
    alignment = align_columns(index)
    together = alignment.apply(block)
    assert all((alignment.apply(block[[i]])[0] == together[i]).all() for i in range(len(block)))


def test_without_duplicates_values_are_taken_as_they_are():
    block = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    alignment = align_columns(np.array([4, -1, 0]))
    assert alignment.apply(block).tolist() == [[3, 1], [6, 4]]
    assert alignment.tokens.tolist() == [0 + N_SPECIAL, 4 + N_SPECIAL]
    assert alignment.duplicated.size == 0


def test_nothing_to_move_is_no_copy():
    block = np.ones((2, 3), np.float32)
    assert align_columns(np.array([0, 5, 9])).apply(block) is block


def test_sparse_stays_sparse_and_sorted():
    block = sparse.random(20, 30, density=0.3, format="csr", rng=np.random.default_rng(0), dtype=np.float32)
    collapsed, _ = collapse_columns(block, np.r_[np.arange(15)[::-1], np.arange(15)])
    assert sparse.issparse(collapsed)
    assert collapsed.has_sorted_indices
    assert collapsed.dtype == np.float32


def test_a_block_of_other_columns_is_refused():
    with pytest.raises(ValueError, match="2 columns; the alignment was made for 3"):
        align_columns(np.array([0, 1, 2])).apply(np.ones((1, 2), np.float32))


def test_view_of_an_anndata_is_read_only():
    import anndata as ad

    adata = ad.AnnData(np.arange(12, dtype=np.float32).reshape(3, 4))
    view = adata[1:]
    align_columns(np.array([0, 1, 1, 0])).apply(view.X)
    assert view.is_view
    np.testing.assert_array_equal(view.X, adata.X[1:])
