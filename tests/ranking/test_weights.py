from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from specformer.ranking import WEIGHTINGS, fit_statistics, idf_table

X = np.random.default_rng(0).negative_binomial(1, 0.02, (25, 40)).astype(np.float32) * (np.arange(40) % 7 > 0)
per_million = 1e6 * X / X.sum(axis=1, keepdims=True)
seen = X.any(axis=0)


def test_tfidf_is_the_published_formula_to_the_letter():
    df = np.array([sum(row[gene] > 0 for row in X) for gene in range(X.shape[1])])
    statistics = fit_statistics([X], "tfidf")
    np.testing.assert_array_equal(statistics.df, df)
    np.testing.assert_array_equal(statistics.scale, np.float32([np.log(25 / (1 + n)) for n in df]))
    assert idf_table(25)[25] < 0
    assert idf_table(25)[24] == 0


def test_tfidf_smooth_never_weighs_less_than_one():
    statistics = fit_statistics([X], "tfidf_smooth")
    np.testing.assert_allclose(statistics.scale, np.log(26 / (1 + statistics.df)) + 1, rtol=1e-6)
    assert idf_table(25, "tfidf_smooth").min() == 1


def test_other_weightings_equal_their_textbook_formulas():
    with np.errstate(divide="ignore"):
        norm = np.where(seen, 1 / np.linalg.norm(per_million, axis=0), 0)
        median = [1 / np.median(column[column > 0]) if column.any() else 0 for column in per_million.T]
        deviation = np.where(seen, 1 / per_million.std(axis=0), 0)
    np.testing.assert_allclose(fit_statistics([X], "cohort_l2").scale, norm, rtol=1e-6)
    np.testing.assert_allclose(fit_statistics([X], "median").scale, median, rtol=1e-6)
    zscore = fit_statistics([X], "zscore")
    np.testing.assert_allclose(zscore.scale, deviation, rtol=1e-6)
    np.testing.assert_allclose(zscore.offset, per_million.mean(axis=0), rtol=1e-6)
    assert (fit_statistics([X], "expression").scale == 1).all()


def test_a_constant_gene_has_no_zscore():
    constant = np.tile(np.float32([[0.1, 0.3, 0.6]]), (7, 1))
    assert (fit_statistics([constant], "zscore").scale == 0).all()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_factors_stay_finite_whatever_float32_holds(weighting):
    statistics = fit_statistics([np.float32([[2.0**-149, 2.0**100, 0], [0, 2.0**100, 0]])], weighting)
    assert np.isfinite(statistics.scale).all()


@pytest.mark.parametrize("weighting", ["cohort_l2", "median", "zscore"])
def test_statistics_do_not_depend_on_the_depth_of_samples(weighting):
    deeper = X * np.float32(2.0) ** np.arange(-12, 13)[:, None]
    ours, theirs = fit_statistics([X], weighting), fit_statistics([deeper], weighting)
    np.testing.assert_array_equal(ours.scale, theirs.scale)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@settings(max_examples=200)
@given(
    x=hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1e6, width=32)),
    data=st.data(),
)
def test_statistics_are_the_same_bits_in_any_arrangement(weighting, x, data):
    rows = np.array(data.draw(st.permutations(range(x.shape[0]))))
    columns = np.array(data.draw(st.permutations(range(x.shape[1]))))
    cut = data.draw(st.integers(0, len(x)))
    plain = fit_statistics([x], weighting)
    arranged = x[rows][:, columns]
    blocks = fit_statistics([sparse.csr_matrix(arranged[:cut]), arranged[cut:]], weighting)
    assert blocks.fingerprint == plain.take(columns).fingerprint
    np.testing.assert_array_equal(blocks.df, plain.df[columns])


def test_fingerprints_tell_statistics_apart():
    prints = {fit_statistics([X], weighting).fingerprint for weighting in WEIGHTINGS}
    assert len(prints) == len(WEIGHTINGS)


def test_no_samples_and_unknown_weightings_are_errors():
    with pytest.raises(ValueError, match="no samples"):
        fit_statistics([], "tfidf")
    with pytest.raises(ValueError, match="'bm25'; expected one of 'tfidf'"):
        fit_statistics([X], "bm25")
