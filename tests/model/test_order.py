from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from specformer.model._order import rank_rows_torch
from specformer.ranking import WEIGHTINGS, fit_statistics, rank_rows


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_torch_gives_the_same_bits_as_numba(weighting, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 5, (5, 17)) * rng.lognormal(0, 9, (5, 17)) ** rng.integers(0, 2, (5, 17))
    statistics, tie_order = fit_statistics([X], weighting), rng.permutation(17)
    ranks = rank_rows_torch(sparse.csr_matrix(X), statistics, tie_order=tie_order)
    assert ranks.dtype == torch.int32
    np.testing.assert_array_equal(ranks.numpy(), rank_rows(X, statistics, tie_order=tie_order))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_bits():
    X = np.random.default_rng(0).negative_binomial(1, 0.02, (200, 70_000)).astype(np.float32)
    for weighting in WEIGHTINGS:
        statistics = fit_statistics([X], weighting)
        ranks = rank_rows_torch(X, statistics, device="cuda").cpu().numpy()
        np.testing.assert_array_equal(ranks, rank_rows(X, statistics))
