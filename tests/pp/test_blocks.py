from __future__ import annotations

import anndata as ad
import dask.array as da
import numpy as np
import pytest
from scipy import sparse

from specformer.pp._blocks import row_blocks, row_reader

containers = {
    "dense": np.asarray,
    "fortran": np.asfortranarray,
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "csr array": sparse.csr_array,
    "csc array": sparse.csc_array,
}


def whole(adata, layer=None, **kwargs):
    """All blocks put together; checks that each is where it says, and of a kind that is allowed."""
    values = np.full(adata.shape, np.nan)
    for rows, block in row_blocks(adata, layer, **kwargs):
        assert isinstance(block, np.ndarray) or block.format == "csr"
        values[rows] = block.toarray() if sparse.issparse(block) else block
    return values


@pytest.mark.parametrize("container", containers)
@pytest.mark.parametrize("n_rows", [1, 7, 30, 2048])
def test_blocks_add_up_to_the_matrix(cohort, container, n_rows):
    X = cohort.X.copy()
    cohort.X = containers[container](X)
    np.testing.assert_array_equal(whole(cohort, n_rows=n_rows), X)
    view = cohort[5:25, ::-2]
    np.testing.assert_array_equal(whole(view, n_rows=n_rows), X[5:25, ::-2])


def test_blocks_are_no_larger_than_asked_for(cohort):
    assert [block.shape[0] for _, block in row_blocks(cohort, n_rows=12)] == [12, 12, 6]


@pytest.mark.parametrize("container", ["dense", "csr", "csc"])
def test_backed_files_and_their_views(cohort, container, tmp_path):
    X = cohort.X.copy()
    cohort.X = containers[container](X)
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    backed = ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r")
    np.testing.assert_array_equal(whole(backed, n_rows=7), X)
    np.testing.assert_array_equal(whole(backed[3:20, 10:50], n_rows=7), X[3:20, 10:50])


@pytest.mark.parametrize("meta", [np.asarray, sparse.csr_matrix])
def test_dask_is_read_by_its_chunks(cohort, meta):
    X = cohort.X.copy()
    cohort.X = da.from_array(X, chunks=(8, 120)).map_blocks(meta)
    assert [rows.stop for rows, _ in row_blocks(cohort)] == [8, 16, 24, 30]
    np.testing.assert_array_equal(whole(cohort), X)
    np.testing.assert_array_equal(whole(cohort[4:21]), X[4:21])


def test_layers_and_chosen_rows(cohort):
    cohort.layers["twice"] = 2 * cohort.X
    np.testing.assert_array_equal(whole(cohort, "twice"), 2 * cohort.X)
    np.testing.assert_array_equal(row_reader(cohort, "twice")(np.array([2, 9])), 2 * cohort.X[[2, 9]])


def test_what_is_not_there_is_named(cohort):
    with pytest.raises(KeyError, match=r"layers\['counts'\]"):
        next(row_blocks(cohort, "counts"))
    with pytest.raises(ValueError, match=r"`adata.X` is empty"):
        next(row_blocks(ad.AnnData(obs=cohort.obs)))
    cohort.layers["words"] = np.full(cohort.shape, "a")
    with pytest.raises(TypeError, match="expected numbers"):
        next(row_blocks(cohort, "words"))
