"""Dask: what is computed chunk by chunk, here or on two workers, has the bits of what is computed in memory."""

from __future__ import annotations

import os

import anndata as ad
import dask.array as da
import numpy as np
import pytest
from scipy import sparse

import specformer as sf

pytest.importorskip("xarray")
pytest.importorskip("zarr", minversion="3")


@pytest.fixture(params=["zarr", "zarr csr", "h5ad", "h5ad csr"])
def lazy(request, counts, tmp_path):
    """The cohort on disk, opened by anndata without reading it."""
    adata = counts.copy()
    if "csr" in request.param:
        adata.X = sparse.csr_matrix(adata.X)
    path = tmp_path / f"cohort.{request.param.split()[0]}"
    adata.write_zarr(path) if "zarr" in request.param else adata.write_h5ad(path)
    return ad.experimental.read_lazy(path)


@pytest.fixture(scope="module")
def expected(counts, anchored):
    adata = counts.copy()
    sf.pp.tfidf_order(adata)
    sf.pp.filter_genes(adata)
    sf.tl.specformer_embed(adata, anchored)
    return adata


def require_equal(found, expected):
    assert isinstance(found.layers["tfidf_rank"], da.Array)
    np.testing.assert_array_equal(found.layers["tfidf_rank"].compute(), expected.layers["tfidf_rank"])
    for column in ("idf", "df", "informative"):
        np.testing.assert_array_equal(np.asarray(found.var[column]), expected.var[column])
    np.testing.assert_array_equal(np.asarray(found.obs["n_genes_expressed"]), expected.obs["n_genes_expressed"])
    for note in ("tfidf", "gene_filter"):
        assert found.uns[note] == expected.uns[note]
    np.testing.assert_array_equal(found.obsm["X_specformer"], expected.obsm["X_specformer"])
    assert found.uns["specformer"] == expected.uns["specformer"]


def test_what_anndata_opens_lazily(lazy, anchored, expected):
    X = lazy.X
    sf.pp.tfidf_order(lazy)
    sf.pp.filter_genes(lazy)
    sf.tl.specformer_embed(lazy, anchored)
    require_equal(lazy, expected)
    assert lazy.X is X


def test_views_stay_lazy(counts, anchored, expected):
    counts = counts.copy()
    counts.X = da.from_array(counts.X, chunks=(11, -1))
    view = counts[5:31]
    sf.pp.tfidf_order(view, reference=expected)
    assert isinstance(view.layers["tfidf_rank"], da.Array)
    np.testing.assert_array_equal(view.layers["tfidf_rank"].compute(), expected.layers["tfidf_rank"][5:31])


def read_counter(X, n_rows):
    """A dask array of `X`, and a list to which every chunk is added whenever it is read."""
    reads = []

    def read(block_info=None):
        start, stop = block_info[None]["array-location"][0]
        reads.append(start)
        return X[start:stop]

    chunks = (tuple(min(n_rows, len(X) - start) for start in range(0, len(X), n_rows)), (X.shape[1],))
    return da.map_blocks(read, chunks=chunks, dtype=X.dtype, meta=np.empty((0, 0), X.dtype)), reads


@pytest.mark.parametrize("weighting", ["tfidf", "zscore"])
def test_two_passes_are_enough(counts, weighting):
    adata = counts.copy()
    adata.X, reads = read_counter(counts.X, 7)
    once = list(range(0, 40, 7))
    sf.pp.tfidf_order(adata, weighting=weighting)
    assert sorted(reads) == once
    adata.layers["tfidf_rank"].compute()
    assert sorted(reads) == sorted(2 * once)


def test_the_gene_filter_is_one_pass_and_the_embedding_two(counts, anchored):
    adata = counts.copy()
    adata.X, reads = read_counter(counts.X, 7)
    once = list(range(0, 40, 7))
    sf.pp.filter_genes(adata)
    assert sorted(reads) == once
    sf.tl.specformer_embed(adata, anchored)
    assert sorted(reads) == sorted(3 * once)


def test_a_scale_that_no_block_could_tell_costs_a_pass(counts):
    # Whole numbers in all but the last block: each of the others looks like counts, and like a logarithm it is none.
    logs = counts.copy()
    logs.X = np.log2(counts.X + 1)
    logs.X[:28] = np.rint(logs.X[:28])
    expected = sf.pp.tfidf_order(logs, copy=True)
    assert expected.uns["tfidf"]["scale"]["name"] == "log2p1"
    X, reads = read_counter(logs.X, 7)
    logs.X = X
    sf.pp.tfidf_order(logs)
    assert sorted(reads) == sorted(2 * list(range(0, 40, 7)))
    np.testing.assert_array_equal(logs.layers["tfidf_rank"].compute(), expected.layers["tfidf_rank"])
    assert logs.uns["tfidf"] == expected.uns["tfidf"]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before


def test_two_workers(cluster, counts, anchored, expected, tmp_path, monkeypatch):
    counts.write_zarr(tmp_path / "cohort.zarr", chunks=(10, 150))
    lazy = ad.experimental.read_lazy(tmp_path / "cohort.zarr")
    monkeypatch.setattr(sf.tl._encode_on_workers, "ROWS_FROM_DASK", 20)
    monkeypatch.setattr(sf.tl._encode_on_workers, "encode_ranks", None)  # the model here has nothing to do
    sf.pp.tfidf_order(lazy)
    sf.pp.filter_genes(lazy)
    sf.tl.specformer_embed(lazy, anchored, batch_size=20)
    whole = sf.tl.specformer_embed(counts, anchored, batch_size=20, copy=True)
    np.testing.assert_array_equal(lazy.obsm["X_specformer"], whole.obsm["X_specformer"])
    lazy.obsm["X_specformer"], lazy.uns["specformer"] = expected.obsm["X_specformer"], expected.uns["specformer"]
    require_equal(lazy, expected)

    def models():
        from specformer.tl._encode_on_workers import _model

        info = _model.cache_info()
        return info.misses, info.hits

    loaded = cluster.run(models)
    assert len(loaded) == 2
    assert [misses for misses, _ in loaded.values()] == [1, 1], "one model on each worker"


def test_samples_without_known_genes_are_named_from_workers(cluster, counts, anchored):
    adata = counts.copy()
    adata.var_names = [*adata.var_names[:20], *(f"UNKNOWN{i}" for i in range(130))]
    adata.X[4, :20] = 0
    adata.X = da.from_array(adata.X, chunks=(20, -1))
    with pytest.raises(ValueError, match=rf"None of the known genes.*{adata.obs_names[4]}"):
        sf.tl.specformer_embed(adata, anchored)
    assert "X_specformer" not in adata.obsm
