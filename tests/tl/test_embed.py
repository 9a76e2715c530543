from __future__ import annotations

import anndata as ad
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import specformer as sf

TOLERANCE = 1e-5
"""Of the size of a vector: float32 sums are taken in an order that depends on the shape of the batch."""


def embed(adata, model, **kwargs):
    return sf.tl.specformer_embed(adata, model, copy=True, **kwargs).obsm["X_specformer"]


def assert_same(found, expected):
    size = np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(found - expected).max() <= TOLERANCE * size.max()


def test_writes_vectors_and_provenance(counts, checkpoint):
    adata = counts.copy()
    assert sf.tl.specformer_embed(adata, checkpoint) is None
    vectors, note = adata.obsm["X_specformer"], adata.uns["specformer"]
    assert vectors.shape == (40, checkpoint.config.n_dims)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert note["checkpoint"]["sha256"] == checkpoint.sha256
    assert note["genes"]["coverage"] == 1
    assert note["scale"]["name"] == "counts"
    assert note["seen_in_pretraining"] == 3


def test_layers_have_a_say(counts, anchored):
    assert np.abs(embed(counts, anchored) - embed(counts, anchored, bypass_layers=True)).max() > 0.01


def test_provenance_survives_a_file(counts, anchored, tmp_path):
    adata = sf.tl.specformer_embed(counts, anchored, copy=True)
    adata.write_h5ad(tmp_path / "embedded.h5ad")
    read = ad.read_h5ad(tmp_path / "embedded.h5ad")
    assert sum(read.uns["specformer"]["genes"]["routes"].values()) == 150
    np.testing.assert_array_equal(read.obsm["X_specformer"], adata.obsm["X_specformer"])


def test_input_is_left_alone(counts, anchored):
    before = counts.copy()
    sf.tl.specformer_embed(counts, anchored, copy=True)
    np.testing.assert_array_equal(counts.X, before.X)
    assert list(counts.obsm) == list(before.obsm)
    assert set(counts.uns) == set(before.uns)


CONTAINERS = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "float64": lambda X: X.astype(np.float64),
    "dask": lambda X: da.from_array(X, chunks=(7, -1)),
}


@settings(max_examples=200)
@given(data=st.data())
def test_same_alone_in_company_and_in_any_order(counts, anchored, expected, data):
    rows = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=6, unique=True))
    columns = data.draw(st.permutations(range(counts.n_vars)))
    container = data.draw(st.sampled_from([None, *CONTAINERS]))
    batch_size = data.draw(st.integers(1, 6))
    adata = counts[rows][:, columns].copy()
    if container:
        adata.X = CONTAINERS[container](adata.X)
    assert_same(embed(adata, anchored, batch_size=batch_size), expected[rows])


@pytest.fixture(scope="module")
def expected(counts, anchored):
    return embed(counts, anchored)


def test_published_recipe_is_as_invariant(counts, checkpoint):
    expected = embed(counts, checkpoint)
    order = np.random.default_rng(0).permutation(counts.n_vars)
    assert_same(embed(counts[::-1, order].copy(), checkpoint, batch_size=3), expected[::-1])
    assert_same(embed(counts[7].copy(), checkpoint), expected[[7]])


def test_threads_do_not_matter(counts, anchored, expected):
    before = torch.get_num_threads()
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            assert_same(embed(counts, anchored), expected)
    finally:
        torch.set_num_threads(before)


def test_backed_file(counts, anchored, expected, tmp_path):
    counts.write_h5ad(tmp_path / "counts.h5ad")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    sf.tl.specformer_embed(backed, anchored)
    assert_same(backed.obsm["X_specformer"], expected)


def test_view_becomes_an_object_of_its_own(counts, anchored, expected):
    view = counts[5:9]
    sf.tl.specformer_embed(view, anchored)
    assert_same(view.obsm["X_specformer"], expected[5:9])
    assert "X_specformer" not in counts.obsm


@pytest.mark.parametrize("scheme", ["cpm", "log2cpm"])
def test_units_do_not_matter_where_they_keep_ratios(counts, anchored, expected, scheme):
    adata = sf.pp.to_scheme(counts, scheme, copy=True)
    found = embed(adata, anchored, scale="log2p1" if scheme.startswith("log2") else None)
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.999


def test_duplicated_genes_are_added_up(counts, anchored, expected):
    names = [*counts.var_names, *(f"{name}|0" for name in counts.var_names)]
    twice = ad.AnnData(np.hstack([counts.X / 2, counts.X / 2]), var=pd.DataFrame(index=names))
    assert_same(embed(twice, anchored), expected)


def test_gene_names_from_a_column(counts, anchored, expected):
    adata = counts.copy()
    adata.var["ensembl"] = anchored.genes.table.set_index("symbol")["ensembl"].reindex(adata.var_names).to_numpy()
    adata.var["symbol"] = adata.var_names
    adata.var_names = [f"column{i}" for i in range(adata.n_vars)]
    assert_same(embed(adata, anchored, gene_key="symbol"), expected)
    with pytest.raises(KeyError, match=r"adata\.var\['name'\].*Present"):
        embed(adata, anchored, gene_key="name")


def test_ranks_of_the_same_reference_are_used(counts, checkpoint, monkeypatch):
    expected = embed(counts, checkpoint)
    adata = counts.copy()
    sf.pp.tfidf_order(adata, reference=checkpoint)
    kept = adata[:, 10:].copy()
    want = embed(counts[:, 10:].copy(), checkpoint)
    monkeypatch.setattr("specformer.tl._ranks.rank_rows", None)  # would be called if the layer were not used
    assert_same(embed(adata, checkpoint), expected)
    assert_same(embed(kept, checkpoint), want)


def test_ranks_of_another_reference_are_left_alone(counts, checkpoint, capsys):
    adata = counts.copy()
    sf.pp.tfidf_order(adata, weighting="expression")
    before = adata.layers["tfidf_rank"].copy()
    assert_same(embed(adata, checkpoint), embed(counts, checkpoint))
    assert "ranked with other statistics" in capsys.readouterr().err
    np.testing.assert_array_equal(adata.layers["tfidf_rank"], before)


def test_window_stack(counts, checkpoint):
    adata = sf.tl.specformer_embed(counts, checkpoint, windows=True, copy=True)
    stack = adata.obsm["X_specformer_windows"]
    assert stack.shape == (40, 4, 32)
    if checkpoint.config.pooling == "mean" and not checkpoint.config.n_anchor:
        assert_same(stack.mean(axis=1), adata.obsm["X_specformer"])


def test_half_precision_is_close(counts, anchored, expected):
    found = embed(counts, anchored, dtype="bfloat16")
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.999


def test_memory_error_halves_the_batch(counts, anchored, expected, monkeypatch, capsys):
    forward, sizes = type(anchored.model).forward, []

    def hungry(self, *args, **kwargs):
        sizes.append(len(kwargs["latent"]))
        if sizes[-1] > 5:
            raise torch.OutOfMemoryError
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(anchored.model), "forward", hungry)
    assert_same(embed(counts, anchored, batch_size=20), expected)
    assert sizes[:3] == [20, 10, 5]
    assert "batch_size=10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: np.where(np.arange(len(X))[:, None] == 3, np.nan, X), r"NaN.*1 of 40 samples"),
        (lambda X: np.where(np.arange(len(X))[:, None] == 3, np.inf, X), r"Infinite.*1 of 40 samples"),
        (lambda X: np.where(np.arange(len(X))[:, None] == 3, 0, X), r"No expression.*1 of 40 samples"),
        (lambda X: (X - X.mean(0)) / (X.std(0) + 1e-9), r"z-scores"),
    ],
)
def test_bad_values_are_named_and_nothing_is_written(counts, anchored, spoil, message):
    adata = counts.copy()
    adata.X = spoil(adata.X).astype(np.float32)
    with pytest.raises(ValueError, match=message):
        sf.tl.specformer_embed(adata, anchored)
    assert "X_specformer" not in adata.obsm
    assert "specformer" not in adata.uns


def test_sample_without_any_known_gene_is_named(counts, anchored):
    adata = counts.copy()
    adata.var_names = [*adata.var_names[:20], *(f"UNKNOWN{i}" for i in range(130))]
    adata.X[4, :20] = 0
    with pytest.raises(ValueError, match=rf"None of the known genes.*{adata.obs_names[4]}"):
        sf.tl.specformer_embed(adata, anchored)
    assert "X_specformer" not in adata.obsm


def test_mouse_symbols_are_refused(counts, anchored):
    adata = counts.copy()
    adata.var_names = [name.capitalize() if name.isalpha() else f"Gm{i}" for i, name in enumerate(adata.var_names)]
    with pytest.raises(ValueError, match="mouse"):
        sf.tl.specformer_embed(adata, anchored)


def test_unknown_checkpoint(counts):
    with pytest.raises(FileNotFoundError, match="specformer-mini"):
        sf.tl.specformer_embed(counts, "no-such-checkpoint")


def test_device_comes_from_the_settings(monkeypatch):
    from specformer.tl._encode import find_device

    monkeypatch.setattr(sf.settings, "device", "cuda:3")
    assert find_device("auto") == "cuda:3"
    assert find_device("cpu") == "cpu"


def test_shipped_checkpoint_embeds_real_files_as_they_are(real_data):
    for name, scale in (
        ("tcga_htseq_counts", "counts"),
        ("tcga_rsem_normalized", "linear"),
        ("tcga_gtex_panel", "log2p1"),
    ):
        adata = ad.read_h5ad(real_data / f"{name}.h5ad")[:8].copy()
        sf.tl.specformer_embed(adata)
        assert adata.obsm["X_specformer"].shape[0] == 8
        assert adata.uns["specformer"]["scale"]["name"] == scale


def test_shipped_checkpoint_knows_its_own(real_data):
    adata = ad.read_h5ad(real_data / "tcga_gtex_wide.h5ad")[:40].copy()
    sf.pp.split(adata, fractions=(0.8, 0.05, 0.15), stratify=None)
    sf.tl.specformer_embed(adata, bypass_layers=True)
    assert adata.uns["specformer"]["seen_in_pretraining"] == (adata.obs["split"] == "train").sum()


def test_pandas_gene_index_name_does_not_matter(counts, anchored, expected):
    adata = counts.copy()
    adata.var.index = pd.Index(adata.var_names, name="gene")
    assert_same(embed(adata, anchored), expected)


@pytest.mark.parametrize("pooling", ["mean", "gated_attention"])
def test_attention_is_the_weight_of_each_window(counts, anchored, pooling):
    model = sf.model.load(anchored.path, pooling=pooling) if pooling == "mean" else anchored
    adata = sf.tl.specformer_embed(counts, model, attention=True, batch_size=7, copy=True)
    weights, starts = adata.obsm["specformer_attention"], adata.uns["specformer"]["window_starts"]
    np.testing.assert_array_equal(starts, [0, 32, 64, 86])
    assert (weights.shape, weights.dtype) == ((40, 4), np.float32)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert (np.ptp(weights, axis=1) < 1e-6).all() == (pooling == "mean")
    # One sample alone has the weights that it has in company.
    alone = sf.tl.specformer_embed(counts[11].copy(), model, attention=True, copy=True)
    np.testing.assert_allclose(alone.obsm["specformer_attention"], weights[[11]], atol=1e-5)


def test_attention_is_kept_on_request_only(counts, anchored):
    adata = sf.tl.specformer_embed(counts[:2], anchored, copy=True)
    assert "specformer_attention" not in adata.obsm
    with pytest.raises(ValueError, match="reads none"):
        sf.tl.specformer_embed(counts[:2], anchored, attention=True, bypass_layers=True)
