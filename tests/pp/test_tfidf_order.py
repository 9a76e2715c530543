from __future__ import annotations

from types import SimpleNamespace

import anndata as ad
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import specformer as sf
from specformer import _keys
from specformer.genes import GeneVocabulary
from specformer.ranking import WEIGHTINGS, fit_statistics

LAYER = _keys.TFIDF_RANK.name


def published_order(X, names):
    """The formula to the letter, in float64, ties by gene name."""
    idf = np.log(len(X) / (1 + (X > 0).sum(axis=0)))
    ranks = np.empty(X.shape, int)
    for row, counts in enumerate(X.astype(float)):
        ranks[row, np.lexsort((names, -(counts / counts.sum() * idf)))] = np.arange(X.shape[1])
    return ranks


def ranks_of(adata, **kwargs):
    return sf.pp.tfidf_order(adata, copy=True, **kwargs).layers[LAYER]


def z_scores(X):
    logs = np.log2(X + 1)
    return (logs - logs.mean(axis=0)) / (logs.std(axis=0) + 1)


@pytest.fixture
def backed(cohort, tmp_path):
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    return ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r")


def test_writes_the_published_order_and_the_documented_fields(cohort):
    X = cohort.X.copy()
    assert sf.pp.tfidf_order(cohort) is None
    expected = published_order(X, cohort.var_names.to_numpy(str))
    # Scores of float32 may round two near ties of the float64 formula together.
    assert (cohort.layers[LAYER] == expected).mean() > 0.995
    assert np.abs(cohort.layers[LAYER].astype(int) - expected).max() <= 2
    assert cohort.layers[LAYER].dtype == np.uint16
    np.testing.assert_array_equal(cohort.obs[_keys.N_EXPRESSED.name], (X > 0).sum(axis=1))
    np.testing.assert_array_equal(cohort.var[_keys.DF.name], (X > 0).sum(axis=0))
    np.testing.assert_allclose(cohort.var[_keys.IDF.name], np.log(30 / (1 + (X > 0).sum(axis=0))), rtol=1e-6)
    note = cohort.uns[_keys.TFIDF.name]
    assert note["params"] == {"weighting": "tfidf", "layer": None, "scale": None, "mask_obs": None}
    assert (note["scale"]["name"], note["reference"], note["n_obs"]) == ("counts", "this cohort", 30)
    np.testing.assert_array_equal(cohort.X, X)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@settings(max_examples=200)
@given(data=st.data())
def test_ranks_are_the_same_in_any_arrangement_and_container(weighting, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    X = rng.negative_binomial(1, 0.1, (6, 9)).astype(np.float32) * (rng.random((6, 9)) < 0.8)
    X[:, 0] += 1
    names = pd.DataFrame(index=[f"g{i}" for i in range(9)])
    plain = ad.AnnData(X, var=names)
    sf.pp.tfidf_order(plain, weighting=weighting)
    rows, columns = (np.array(data.draw(st.permutations(range(n)))) for n in X.shape)
    containers = [
        np.asarray,
        sparse.csr_matrix,
        sparse.csc_matrix,
        lambda x: da.from_array(x, chunks=(data.draw(st.integers(1, 6)), 4)),
    ]
    container = data.draw(st.sampled_from(containers))
    arranged = ad.AnnData(container(X[rows][:, columns]), var=names.iloc[columns])
    sf.pp.tfidf_order(arranged, weighting=weighting)
    np.testing.assert_array_equal(np.asarray(arranged.layers[LAYER]), plain.layers[LAYER][rows][:, columns])
    assert arranged.uns[_keys.TFIDF.name]["fingerprint"] == plain.uns[_keys.TFIDF.name]["fingerprint"]


@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32),
    weighting=st.sampled_from(WEIGHTINGS),
    container=st.sampled_from([np.asarray, sparse.csr_matrix, sparse.csc_matrix]),
)
def test_ranks_of_a_backed_file_are_those_in_memory(tmp_path_factory, seed, weighting, container):
    X = 1 + np.random.default_rng(seed).negative_binomial(1, 0.1, (5, 8)).astype(np.float32)
    X[:, ::2] -= 1
    X[:, 1] += 1
    adata = ad.AnnData(container(X), var=pd.DataFrame(index=[f"g{i}" for i in range(8)]))
    path = tmp_path_factory.mktemp("backed") / "cohort.h5ad"
    adata.write_h5ad(path)
    backed = ad.read_h5ad(path, backed="r")
    sf.pp.tfidf_order(backed, weighting=weighting)
    np.testing.assert_array_equal(backed.layers[LAYER], ranks_of(adata, weighting=weighting))
    backed.file.close()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_backed_files_are_ranked_into_memory_and_written_elsewhere(cohort, container, tmp_path):
    expected = ranks_of(cohort)
    cohort.X = container(cohort.X)
    cohort.write_h5ad(tmp_path / "cohort.h5ad")
    backed = ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r")
    sf.pp.tfidf_order(backed)
    np.testing.assert_array_equal(backed.layers[LAYER], expected)
    backed.write_h5ad(tmp_path / "ordered.h5ad")
    written = ad.read_h5ad(tmp_path / "ordered.h5ad")
    assert written.layers[LAYER].dtype == np.uint16
    np.testing.assert_array_equal(written.layers[LAYER], expected)
    np.testing.assert_array_equal(ranks_of(cohort[:3], reference=written), expected[:3])


def test_dask_stays_lazy(cohort):
    expected = ranks_of(cohort)
    cohort.X = da.from_array(cohort.X, chunks=(8, 50))
    sf.pp.tfidf_order(cohort)
    assert isinstance(cohort.layers[LAYER], da.Array)
    assert cohort.layers[LAYER].dtype == np.uint16
    np.testing.assert_array_equal(cohort.layers[LAYER].compute(scheduler="threads"), expected)


def test_leaving_out_genes_keeps_the_relative_order(cohort):
    sf.pp.tfidf_order(cohort)
    some = cohort[:, 10:70].copy()
    kept = np.argsort(np.argsort(some.layers[LAYER], axis=1), axis=1)
    np.testing.assert_array_equal(kept, ranks_of(some, reference=cohort))


@pytest.mark.parametrize("scale", ["log2p1", "log1p", "toil"])
def test_known_logarithms_are_undone(cohort, scale, capsys):
    expected, n_expressed = ranks_of(cohort, weighting="expression"), (cohort.X > 0).sum(axis=1)
    logs = {"log2p1": np.log2(cohort.X + 1), "log1p": np.log1p(cohort.X), "toil": np.log2(cohort.X + 0.001)}
    cohort.X = logs[scale].astype(np.float32)
    capsys.readouterr()
    sf.pp.tfidf_order(cohort, weighting="expression")
    np.testing.assert_array_equal(cohort.layers[LAYER], expected)
    assert cohort.uns[_keys.TFIDF.name]["scale"]["name"] == scale
    assert "undone before ranking" in capsys.readouterr().err
    np.testing.assert_array_equal(cohort.obs[_keys.N_EXPRESSED.name], n_expressed)


def test_a_given_scale_goes_before_the_one_detected(cohort):
    cohort.X = np.minimum(cohort.X, 5)
    sf.pp.tfidf_order(cohort, scale="log2p1")
    assert cohort.uns[_keys.TFIDF.name]["scale"] == {"name": "log2p1", "because": "given by the user"}
    with pytest.raises(ValueError, match="`scale` is 'zscore'; expected one of"):
        sf.pp.tfidf_order(cohort, scale="zscore")
    cohort.X = cohort.X + 100
    with pytest.raises(ValueError, match=r"`scale='log1p'`, but `adata.X` reaches 105"):
        sf.pp.tfidf_order(cohort, scale="log1p")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_one_sample_is_ranked_alone_as_in_its_cohort(cohort, weighting):
    sf.pp.tfidf_order(cohort, weighting=weighting)
    for sample in (0, 17):
        alone = cohort[sample, ::-1].copy()
        ranks = ranks_of(ad.AnnData(alone.X, var=alone.var[[]]), reference=cohort)
        np.testing.assert_array_equal(ranks[0, ::-1], cohort.layers[LAYER][sample])


def test_statistics_come_from_the_masked_samples_only(cohort):
    train = cohort[cohort.obs["is_train"]].copy()
    expected = ranks_of(cohort, reference=sf.pp.tfidf_order(train, copy=True))
    np.testing.assert_array_equal(ranks_of(cohort, mask_obs="is_train"), expected)
    np.testing.assert_array_equal(ranks_of(cohort, mask_obs=cohort.obs["is_train"].to_numpy()), expected)
    scrambled = cohort.copy()
    scrambled.X[20:] = scrambled.X[20:][:, ::-1]
    np.testing.assert_array_equal(ranks_of(scrambled, mask_obs="is_train")[:20], expected[:20])
    assert (ranks_of(cohort) != expected).any()


def test_genes_unknown_to_the_reference_rank_last_by_name(cohort):
    reference = sf.pp.tfidf_order(cohort[:, 20:].copy(), copy=True)
    sf.pp.tfidf_order(cohort, reference=reference)
    by_name = np.argsort(np.argsort(cohort.var_names[:20]))
    np.testing.assert_array_equal(cohort.layers[LAYER][:, :20], np.tile(100 + by_name, (30, 1)))
    np.testing.assert_array_equal(cohort.layers[LAYER][:, 20:], reference.layers[LAYER])
    assert cohort.var[_keys.IDF.name].isna().tolist() == [True] * 20 + [False] * 100
    # What was ranked with a reference serves as one: it still does not know those genes.
    again = sf.pp.tfidf_order(cohort, reference=cohort, copy=True)
    np.testing.assert_array_equal(again.layers[LAYER], cohort.layers[LAYER])
    prints = {adata.uns[_keys.TFIDF.name]["fingerprint"] for adata in (reference, cohort, again)}
    assert len(prints) == 1


def test_a_checkpoint_ranks_by_its_vocabulary(cohort):
    cohort.X = np.minimum(cohort.X, 2)  # ties: the order of the vocabulary, not of the names, decides
    names = cohort.var_names.to_numpy(str)
    statistics = fit_statistics([cohort.X], "median")
    table = pd.DataFrame({"symbol": names, "ensembl": [f"ENSG{i:011d}" for i in range(120)]})
    vocabulary = GeneVocabulary.from_table(
        table.assign(scale=statistics.scale, df=statistics.df), weighting="median", n_obs=30
    )
    checkpoint = SimpleNamespace(genes=vocabulary, path="mini")
    sf.pp.tfidf_order(cohort, reference=checkpoint)
    score = cohort.X * statistics.scale
    expected = np.argsort([np.lexsort((np.arange(120), -row)) for row in score], axis=1)
    np.testing.assert_array_equal(cohort.layers[LAYER], expected)
    note = cohort.uns[_keys.TFIDF.name]
    assert (note["reference"], note["params"]["weighting"], note["fingerprint"]) == (
        "mini",
        "median",
        statistics.fingerprint,
    )
    np.testing.assert_array_equal(ranks_of(cohort, reference=vocabulary), expected)


def test_harmonised_genes_are_matched_by_their_symbol(cohort):
    reference = sf.pp.tfidf_order(cohort, copy=True)
    cohort.var[_keys.GENE_ID.name] = cohort.var_names.to_numpy(str)
    cohort.var.loc["gene005", _keys.GENE_ID.name] = ""  # not recognised: keeps its name
    cohort.var_names = [name if name == "gene005" else f"ENSG_{i}" for i, name in enumerate(cohort.var_names)]
    np.testing.assert_array_equal(ranks_of(cohort, reference=reference), reference.layers[LAYER])
    np.testing.assert_array_equal(ranks_of(reference, reference=sf.pp.tfidf_order(cohort, copy=True)), ranks_of(cohort))


def test_columns_that_mean_one_gene_of_a_checkpoint_are_an_error(cohort):
    names = [*cohort.var_names]
    table = pd.DataFrame({"symbol": names[1:], "aliases": [names[0], *[""] * 118], "ensembl": "", "scale": 1.0})
    vocabulary = GeneVocabulary.from_table(table, weighting="expression", n_obs=1)
    with pytest.raises(ValueError, match=f"Several columns mean the same gene .*: '{names[0]}', '{names[1]}'. Run"):
        sf.pp.tfidf_order(cohort, reference=vocabulary)
    with pytest.raises(ValueError, match="carries no statistics: it has columns 'symbol'"):
        sf.pp.tfidf_order(cohort, reference=GeneVocabulary.from_table(table.drop(columns="scale")))


def test_orders_of_several_weightings_stand_side_by_side(cohort):
    sf.pp.tfidf_order(cohort)
    sf.pp.tfidf_order(cohort, weighting="zscore", key_added="by_z")
    assert {"idf", "df", "by_z_gene_weight", "by_z_gene_offset", "by_z_df"} == set(cohort.var)
    assert {LAYER, "by_z"} == set(cohort.layers) - {None}, "anndata 0.13 counts X among the layers"
    assert cohort.uns["by_z"]["params"]["weighting"] == "zscore"
    sf.pp.tfidf_order(cohort, weighting="median")
    assert _keys.IDF.name not in cohort.var  # it belonged to the order that was replaced
    np.testing.assert_array_equal(ranks_of(cohort, reference=cohort, key_added="by_z"), cohort.layers[LAYER])


def test_views_and_copies_leave_the_original_alone(cohort):
    before = cohort.copy()
    view = cohort[:10]
    sf.pp.tfidf_order(view)
    assert LAYER in view.layers
    copied = sf.pp.tfidf_order(cohort, copy=True)
    assert LAYER in copied.layers
    assert_untouched(cohort, before)


def assert_untouched(adata, before):
    np.testing.assert_array_equal(adata.X, before.X)
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    pd.testing.assert_frame_equal(adata.var, before.var)
    assert list(adata.layers) == list(before.layers)
    assert list(adata.uns) == list(before.uns)


def test_sample_names_may_stand_twice(cohort, capsys):
    expected = ranks_of(cohort)
    cohort.obs_names = ["twin"] * 30
    capsys.readouterr()
    np.testing.assert_array_equal(ranks_of(cohort), expected)
    assert "Sample names stand more than once: 'twin'. Ranks do not depend on names." in capsys.readouterr().err


def test_the_idf_of_one_sample_is_warned_of(cohort, capsys):
    sf.pp.tfidf_order(cohort[:1].copy())
    assert "The idf of a single sample says nothing" in capsys.readouterr().err


def spoiled(cohort, what):
    """The cohort with one thing wrong, the arguments that meet it, and the error."""
    X, kwargs = cohort.X, {}
    if what == "nan":
        X[3, 5] = np.nan
        return kwargs, ValueError, r"NaN in `adata.X` in 1 of 30 samples: 'sample3'"
    if what == "infinite":
        X[3, 5] = np.inf
        return kwargs, ValueError, r"Infinite values in `adata.X` in 1 of 30 samples: 'sample3'"
    if what == "negative counts":
        X[3, 5] = -1
        return kwargs, ValueError, r"Negative counts in `adata.X` in 1 of 30 samples: 'sample3'"
    if what == "silent sample":
        X[3] = 0
        return kwargs, ValueError, r"No expression at all in `adata.X` in 1 of 30 samples: 'sample3'"
    if what == "z-scores":
        cohort.layers["z"] = z_scores(X)
        return {"layer": "z"}, ValueError, r"`adata.layers\['z'\]` holds z-scores or centred logs .* Pass counts, TPM"
    if what == "gene twice":
        cohort.var_names = ["same", "same", *cohort.var_names[2:]]
        return kwargs, ValueError, r"Gene names stand more than once: 'same'\. .* `sf.pp.harmonize_genes\(adata\)`"
    if what == "layer":
        return {"layer": "nowhere"}, KeyError, r"Did not find `adata.layers\['nowhere'\]`"
    if what == "weighting":
        return {"weighting": "bm25"}, ValueError, r"`weighting` is 'bm25'; expected one of 'tfidf', 'tfidf_smooth'"
    if what == "mask column":
        return {"mask_obs": "nowhere"}, KeyError, r"Did not find `adata.obs\['nowhere'\]`"
    if what == "mask dtype":
        return {"mask_obs": "kind"}, ValueError, r"`mask_obs` has dtype object and shape \(30,\); expected bool \(30,\)"
    if what == "mask empty":
        return {"mask_obs": np.zeros(30, bool)}, ValueError, "chooses no sample"
    reference = sf.pp.tfidf_order(cohort, weighting="median", copy=True)
    if what == "mask and reference":
        return {"mask_obs": "is_train", "reference": reference}, ValueError, "pass one of them"
    if what == "weighting of the reference":
        return {"weighting": "zscore", "reference": reference}, ValueError, "made with 'median' and decides"
    if what == "reference without order":
        return {"reference": cohort.copy()}, KeyError, r"uns\['tfidf'\].*Run `sf.pp.tfidf_order\(reference\)` first"
    if what == "reference of another kind":
        return {"reference": 3}, TypeError, "`reference` is a int; expected an AnnData ordered before, a checkpoint"
    if what == "reference of other genes":
        reference.var_names = [f"ENSG{i:011d}" for i in range(120)]
        return {"reference": reference}, ValueError, r"None of the 120 genes is in the reference. Found 'gene.*'ENSG0"
    if what == "silent in the reference's genes":
        X[3, :20], X[3, 20:] = 1, 0
        return (
            {"reference": reference[:, 20:]},
            ValueError,
            "None of the known genes is expressed in 1 of 30.*'sample3'",
        )
    raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    [
        "nan",
        "infinite",
        "negative counts",
        "silent sample",
        "z-scores",
        "gene twice",
        "layer",
        "weighting",
        "mask column",
        "mask dtype",
        "mask empty",
        "mask and reference",
        "weighting of the reference",
        "reference without order",
        "reference of another kind",
        "reference of other genes",
        "silent in the reference's genes",
    ],
)
def test_errors_say_what_is_wrong_and_leave_adata_alone(cohort, what):
    kwargs, error, message = spoiled(cohort, what)
    before = cohort.copy()
    with pytest.raises(error, match=message):
        sf.pp.tfidf_order(cohort, **kwargs)
    assert_untouched(cohort, before)


def test_what_cannot_be_written_is_refused_with_the_cure(backed):
    with pytest.raises(ValueError, match=r"a view of a backed AnnData. Use `adata.to_memory\(\)` first"):
        sf.pp.tfidf_order(backed[:5])
    with pytest.raises(ValueError, match=r"a copy of a backed AnnData. Use `adata.to_memory\(\)` first"):
        sf.pp.tfidf_order(backed, copy=True)


@pytest.mark.real_data
def test_published_idf_on_real_bulk_data(real_data):
    wide = ad.read_h5ad(real_data / "tcga_gtex_wide.h5ad")
    sf.pp.tfidf_order(wide)
    idf = wide.var[_keys.IDF.name]
    assert (idf < 0).mean() > 0.5  # most genes are expressed in every sample, and sort behind the zeros
    highest = wide.X[0].argsort()[-100:]
    assert np.median(wide.layers[LAYER][0, highest]) > 0.9 * wide.n_vars
