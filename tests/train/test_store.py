from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import specformer as sf
from specformer.train import Corpus, RankStore, build_vocabulary, rank_store


def test_ranks_are_those_of_tfidf_order(cohort, genes):
    store = rank_store(cohort, genes)
    ordered = sf.pp.tfidf_order(cohort, reference=genes, copy=True)
    columns = [cohort.var_names.get_loc(symbol) for symbol in genes.symbols[store.genes]]
    np.testing.assert_array_equal(store.ranks, ordered.layers["tfidf_rank"][:, columns])
    np.testing.assert_array_equal(store.n_expressed, ordered.obs["n_genes_expressed"])
    assert store.samples.tolist() == cohort.obs_names.tolist()
    assert store.scheme == "counts"


def test_backed_and_sparse_cohorts_give_the_same_ranks(cohort, genes, tmp_path):
    expected = rank_store(cohort, genes).ranks
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    from specformer.train._cohorts import open_cohorts

    [backed] = open_cohorts(tmp_path / "cohort.h5ad")
    assert backed.isbacked
    np.testing.assert_array_equal(rank_store(backed, genes).ranks, expected)
    backed.file.close()
    cohort.X = sparse.csr_matrix(cohort.X)
    np.testing.assert_array_equal(rank_store(cohort, genes).ranks, expected)


def test_a_zarr_store_is_read_lazily(cohort, genes, tmp_path):
    pytest.importorskip("zarr")
    pytest.importorskip("dask")
    from specformer.train._cohorts import open_cohorts

    cohort.write_zarr(tmp_path / "cohort.zarr")
    [lazy] = open_cohorts(tmp_path / "cohort.zarr")
    assert type(lazy.X).__module__.startswith("dask")
    store = rank_store(lazy, genes, rows="is_train")
    np.testing.assert_array_equal(store.ranks, rank_store(cohort, genes, rows="is_train").ranks)


def test_rows_choose_samples(cohort, genes):
    mask = cohort.obs["is_train"].to_numpy()
    store = rank_store(cohort, genes, rows="is_train")
    np.testing.assert_array_equal(store.ranks, rank_store(cohort, genes).ranks[mask])
    assert store.samples.tolist() == cohort.obs_names[mask].tolist()
    with pytest.raises(ValueError, match="chooses no sample"):
        rank_store(cohort, genes, rows=np.zeros(30, bool))


def test_a_stored_file_is_used_again_for_the_same_data_alone(cohort, genes, tmp_path):
    first = rank_store(cohort, genes, path=tmp_path)
    [file] = tmp_path.glob("*.npy")
    written = file.stat().st_mtime_ns
    assert isinstance(first.ranks, np.memmap)
    again = rank_store(cohort, genes, path=tmp_path)
    assert file.stat().st_mtime_ns == written
    np.testing.assert_array_equal(again.ranks, first.ranks)
    np.testing.assert_array_equal(again.n_expressed, first.n_expressed)

    changed = cohort.copy()
    changed.X[3, 5] += 1
    rank_store(changed, genes, path=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 2, "one value"
    rank_store(cohort, build_vocabulary(cohort, weighting="expression"), path=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 3, "other statistics"
    rank_store(cohort, genes, path=tmp_path, scheme="tpm", lengths=np.arange(1.0, 121))
    assert len(list(tmp_path.glob("*.npy"))) == 4, "another scheme"
    rank_store(cohort[::-1].copy(), genes, path=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 5, "other rows"
    assert not list(tmp_path.glob(".*")), "nothing half-written is left"


def test_a_damaged_file_is_made_again(cohort, genes, tmp_path):
    expected = rank_store(cohort, genes, path=tmp_path)
    [file] = tmp_path.glob("*.npy")
    ranks = np.array(expected.ranks)
    file.write_bytes(file.read_bytes()[:-100])
    np.testing.assert_array_equal(rank_store(cohort, genes, path=tmp_path).ranks, ranks)
    file.with_suffix(".json").write_text("{")
    np.testing.assert_array_equal(rank_store(cohort, genes, path=tmp_path).ranks, ranks)


def test_a_silent_sample_is_named_and_leaves_no_file(cohort, genes, tmp_path):
    known = genes.take(np.arange(3))
    cohort.X[7, [cohort.var_names.get_loc(symbol) for symbol in known.symbols]] = 0
    with pytest.raises(ValueError, match="None of the known genes is expressed in 1 of 30 samples: 'sample7'"):
        rank_store(cohort, known, path=tmp_path)
    assert not list(tmp_path.iterdir())


def test_schemes_that_divide_by_length_reorder_genes(cohort, genes):
    lengths = np.random.default_rng(0).uniform(500, 5000, 120)
    tpm = rank_store(cohort, genes, scheme="tpm", lengths=lengths)
    by_hand = sf.pp.to_scheme(cohort, "tpm", lengths=lengths, copy=True)
    np.testing.assert_array_equal(tpm.ranks, rank_store(by_hand, genes).ranks)
    assert (tpm.ranks != rank_store(cohort, genes).ranks).any()
    assert tpm.scheme == "tpm"


def store(samples, n_genes=4):
    ranks = np.tile(np.arange(n_genes, dtype=np.uint16), (len(samples), 1))
    return RankStore(
        ranks, np.full(len(samples), n_genes, np.int32), np.arange(n_genes), np.array(samples), "x", "median"
    )


def test_rows_of_one_name_are_one_sample():
    corpus = Corpus.of([store(["a", "b"]), store(["b", "c"], n_genes=3)])
    assert corpus.samples.tolist() == ["a", "b", "c"]
    assert corpus.rows.tolist() == [[0, -1], [1, 0], [-1, 1]]
    with pytest.raises(ValueError, match="more than once in 'x': a"):
        Corpus.of([store(["a", "a"])])


def test_a_scheme_is_drawn_among_those_that_a_sample_has():
    import torch

    corpus = Corpus.of([store(["a", "b"]), store(["b", "c"]), store(["b"])])
    draws = np.stack([corpus.draw_stores(np.arange(3), torch.Generator().manual_seed(i)) for i in range(600)])
    assert set(draws[:, 0]) == {0}
    assert set(draws[:, 2]) == {1}
    share = np.bincount(draws[:, 1], minlength=3) / 600
    assert np.abs(share - 1 / 3).max() < 4 * (2 / 9 / 600) ** 0.5


def test_a_scheme_that_cannot_be_had_is_refused(cohort, genes):
    tpm = sf.pp.to_scheme(cohort, "tpm", lengths=np.linspace(500, 5000, 120), copy=True)
    with pytest.raises(
        ValueError, match="'fpkm' cannot be had from tpm values: TPM are divided by gene length already"
    ):
        rank_store(tpm, genes, scheme="fpkm", lengths=np.ones(120))
    with pytest.raises(ValueError, match="need the length of each gene"):
        rank_store(cohort, genes, scheme="tpm")
    with pytest.raises(KeyError, match="bases"):
        rank_store(cohort, genes, scheme="tpm", lengths="bases")
