from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from specformer.ranking import WEIGHTINGS, GeneStatistics, fit_statistics, rank_rows, rank_rows_numpy

# Small integers for many ties, anything else that float32 holds, and the extremes.
values = st.one_of(
    st.integers(0, 3).map(float),
    st.floats(0, 2.0**60, width=32),
    st.sampled_from([0.0, -0.0, 2.0**-149, 2.0**-126, 2.0**100]),
)
matrices = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=values)
invariance = settings(max_examples=200)


@st.composite
def orderings(draw):
    """A matrix, statistics with factors of either sign, and a gene-id order of its columns."""
    X = draw(matrices)
    n_genes = X.shape[1]
    factors = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-20, 20, width=32))
    scale = draw(hnp.arrays(np.float32, n_genes, elements=factors))
    offset = draw(st.none() | hnp.arrays(np.float32, n_genes, elements=st.floats(0, 2.0**20, width=32)))
    statistics = GeneStatistics("expression", 3, scale, offset, np.zeros(n_genes, np.int64))
    return X, statistics, np.array(draw(st.permutations(range(n_genes))))


def oracle(X, statistics, tie_order):
    ranks = np.empty(X.shape, int)
    offset = 0 if statistics.offset is None else statistics.offset
    for row, scores in enumerate((X - offset) * statistics.scale):
        ranks[row, np.lexsort((tie_order, -scores.astype(float)))] = np.arange(X.shape[1])
    return ranks


@invariance
@given(orderings())
def test_rank_rows_equals_a_sort_by_score_then_gene_id(case):
    X, statistics, tie_order = case
    ranks = rank_rows(X, statistics, tie_order=tie_order)
    assert ranks.dtype == np.uint16
    np.testing.assert_array_equal(ranks, oracle(X, statistics, tie_order))


@invariance
@given(orderings())
def test_numpy_gives_the_same_bits_as_numba(case):
    X, statistics, tie_order = case
    expected = rank_rows(X, statistics, tie_order=tie_order)
    np.testing.assert_array_equal(rank_rows_numpy(X, statistics, tie_order=tie_order), expected)


@invariance
@given(
    orderings(),
    st.sampled_from([sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array, np.asfortranarray]),
)
def test_any_container_gives_the_same_ranks(case, container):
    X, statistics, tie_order = case
    expected = rank_rows(X, statistics, tie_order=tie_order)
    np.testing.assert_array_equal(rank_rows(container(X), statistics, tie_order=tie_order), expected)
    np.testing.assert_array_equal(rank_rows_numpy(container(X), statistics, tie_order=tie_order), expected)


@invariance
@given(orderings(), st.integers(1, 20))
def test_any_number_of_threads_gives_the_same_ranks(case, n_threads):
    X, statistics, tie_order = case
    one = rank_rows(X, statistics, tie_order=tie_order, n_threads=1)
    many = rank_rows(X, statistics, tie_order=tie_order, n_threads=n_threads)
    many_sparse = rank_rows(sparse.csr_matrix(X), statistics, tie_order=tie_order, n_threads=n_threads)
    np.testing.assert_array_equal(many, one)
    np.testing.assert_array_equal(many_sparse, one)


@invariance
@given(orderings(), st.data())
def test_ranks_of_a_sample_do_not_depend_on_its_company(case, data):
    X, statistics, tie_order = case
    rows = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1))
    together = rank_rows(X, statistics, tie_order=tie_order)
    np.testing.assert_array_equal(rank_rows(X[rows], statistics, tie_order=tie_order), together[rows])


@invariance
@given(orderings(), st.data())
def test_ranks_of_a_gene_do_not_depend_on_its_column(case, data):
    X, statistics, tie_order = case
    columns = np.array(data.draw(st.permutations(range(X.shape[1]))))
    permuted = rank_rows(X[:, columns], statistics.take(columns), tie_order=tie_order[columns])
    np.testing.assert_array_equal(permuted, rank_rows(X, statistics, tie_order=tie_order)[:, columns])


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@invariance
@given(matrices, st.data())
def test_every_weighting_ranks_alike_in_any_arrangement(weighting, X, data):
    rows = np.array(data.draw(st.permutations(range(X.shape[0]))))
    columns = np.array(data.draw(st.permutations(range(X.shape[1]))))
    cut = data.draw(st.integers(0, len(X)))
    plain = rank_rows(X, fit_statistics([X], weighting))
    arranged = X[rows][:, columns]
    statistics = fit_statistics([sparse.csr_matrix(arranged[:cut]), arranged[cut:]], weighting)
    ranks = rank_rows(sparse.csc_matrix(arranged), statistics, tie_order=columns)
    np.testing.assert_array_equal(ranks, plain[rows][:, columns])


def test_zeros_stand_between_positive_and_negative_scores_in_gene_order():
    X = np.array([[4, 0, 5, 6, 0, 7]], np.float32)
    statistics = GeneStatistics("tfidf", 2, np.float32([1, -1, 0, -1, 1, 1]), None, np.zeros(6, np.int64))
    # scores 4, -0, 0, -6, 0, 7
    assert rank_rows(X, statistics).tolist() == [[1, 2, 3, 5, 4, 0]]


def test_stored_zeros_and_duplicate_entries_of_a_sparse_matrix_count_as_what_they_sum_to():
    stored = sparse.csr_matrix((np.float32([0, 2, 3]), np.array([2, 1, 1]), np.array([0, 3])), shape=(1, 3))
    statistics = fit_statistics([np.ones((1, 3))], "expression")
    assert rank_rows(stored, statistics).tolist() == [[1, 0, 2]]
    assert stored.nnz == 3  # the caller's matrix is not tidied up


@pytest.mark.parametrize(("n_genes", "dtype"), [(65_535, np.uint16), (65_536, np.uint32), (70_000, np.uint32)])
def test_ranks_are_wide_enough_for_the_genes(n_genes, dtype):
    X = np.random.default_rng(0).integers(0, 50, (2, n_genes)).astype(np.float32)
    statistics = fit_statistics([X], "tfidf_smooth")
    ranks = rank_rows(X, statistics)
    assert ranks.dtype == dtype
    np.testing.assert_array_equal(np.sort(ranks, axis=1), np.broadcast_to(np.arange(n_genes), X.shape))
    np.testing.assert_array_equal(ranks, rank_rows_numpy(X, statistics))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("rank", [rank_rows, rank_rows_numpy])
def test_what_has_no_rank_is_refused(rank, bad):
    X = np.array([[1.0, bad]])
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="NaN or infinite entries"):
        rank(X, fit_statistics([np.ones((1, 2))], "expression"))


def test_shape_and_tie_order_must_fit_the_statistics():
    statistics = fit_statistics([np.ones((1, 3))], "expression")
    with pytest.raises(ValueError, match=r"shape \(1, 2\); expected \(n, 3\)"):
        rank_rows(np.ones((1, 2)), statistics)
    with pytest.raises(ValueError, match=r"each of 0 \.\.\. 2 once"):
        rank_rows(np.ones((1, 3)), statistics, tie_order=np.array([0, 0, 1]))
