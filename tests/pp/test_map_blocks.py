from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import sparse

from specformer.pp._map_blocks import lazy_matrix, map_blocks


def shape_and_rows(block, rows):
    assert block.shape[0] == rows.stop - rows.start
    return (block.toarray() if sparse.issparse(block) else block).sum(), rows


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, lambda X: da.from_array(X, chunks=(7, 50))])
@pytest.mark.parametrize("n_rows", [None, 4, 13])
def test_every_block_once_in_order(cohort, container, n_rows):
    X = cohort.X.copy()
    cohort.X = container(X)
    found = list(map_blocks(shape_and_rows, cohort, n_rows=n_rows, n_at_once=2))
    assert [rows for rows, _ in found] == [rows for _, (_, rows) in found]
    stops = [rows.stop for rows, _ in found]
    assert [rows.start for rows, _ in found] == [0, *stops[:-1]]
    assert stops[-1] == 30
    if n_rows:
        assert max(rows.stop - rows.start for rows, _ in found) == n_rows
    for rows, (total, _) in found:
        assert total == X[rows].sum()


def test_only_dask_arrays_are_lazy(cohort):
    assert lazy_matrix(cohort) is None
    assert lazy_matrix(cohort[3:8]) is None
    cohort.layers["lazy"] = da.from_array(cohort.X, chunks=(7, -1))
    assert isinstance(lazy_matrix(cohort, "lazy"), da.Array)
    assert lazy_matrix(cohort[3:8], "lazy").shape == (5, 120)
