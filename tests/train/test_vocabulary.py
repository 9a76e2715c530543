from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer.ranking import WEIGHTINGS, fit_statistics, normal_scores, rank_rows
from specformer.train import build_vocabulary, rank_store
from specformer.train._combine import combine_statistics


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_statistics_are_those_of_the_training_rows(cohort, weighting):
    genes = build_vocabulary(cohort, weighting=weighting, mask_obs="is_train")
    columns = [cohort.var_names.get_loc(symbol) for symbol in genes.symbols]
    X = cohort.X[cohort.obs["is_train"]][:, columns]
    expected = fit_statistics([X], weighting)
    np.testing.assert_array_equal(genes.table["scale"], expected.scale)
    np.testing.assert_array_equal(genes.table["df"], expected.df)
    assert (genes.weighting, genes.n_obs) == (weighting, 20)
    if weighting == "zscore":
        np.testing.assert_array_equal(genes.table["offset"], expected.offset)
    n_ordered = (X > 0).sum(axis=1) if weighting not in ("tfidf", "zscore") else np.full(20, 120)
    scores = normal_scores(rank_rows(X, expected), n_ordered)
    np.testing.assert_allclose(genes.table["score_mean"], scores.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(genes.table["score_sd"], scores.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_held_out_rows_have_no_say(cohort, weighting, permuted_genes):
    scrambled = permuted_genes(cohort, ~cohort.obs["is_train"])
    one, other = (build_vocabulary(a, weighting=weighting, mask_obs="is_train") for a in (cohort, scrambled))
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    everywhere = build_vocabulary(scrambled, weighting=weighting)
    if weighting != "expression":
        assert (everywhere.table["scale"] != one.table["scale"]).any(), "the test would see them"


def test_names_come_from_var(cohort):
    cohort.var["ensembl"] = [f"ENSG{i:011d}" for i in range(120)]
    cohort.var["entrez"] = np.arange(120.0) + 1
    genes = build_vocabulary(cohort)
    first = genes.table.set_index("symbol").loc[cohort.var_names[0]]
    assert first["ensembl"] == "ENSG00000000000"
    assert first["entrez"] == "1"
    by_id = cohort.copy()
    by_id.var_names = [f"{name}.7" for name in cohort.var["ensembl"]]
    np.testing.assert_array_equal(rank_store(by_id, genes).ranks, rank_store(cohort, genes).ranks)


def test_what_is_no_gene_is_left_out(cohort):
    names = cohort.var_names.to_list()
    cohort.var_names = ["ERCC-00002", "__no_feature", "N_ambiguous", *names[3:]]
    genes = build_vocabulary(cohort)
    assert sorted(genes.symbols) == sorted(names[3:])


def test_genes_that_were_filtered_out_are_left_out(cohort):
    sf.pp.filter_genes(cohort, mask_obs="is_train")
    genes = build_vocabulary(cohort)
    assert set(genes.symbols) == set(cohort.var_names[cohort.var["informative"]])
    assert len(genes) < 120


def test_a_given_table_decides(cohort):
    table = pd.DataFrame({"symbol": cohort.var_names[:10], "ensembl": ""})
    assert len(build_vocabulary(cohort, table=table)) == 10


def test_several_namespaces_become_one_vocabulary(cohort):
    table = pd.DataFrame(
        {
            "symbol": cohort.var_names,
            "ensembl": [f"ENSG{i:011d}" for i in range(120)],
            "entrez": [str(i + 1) for i in range(120)],
            "aliases": "",
        }
    )
    by_ensembl = cohort[:, 20:].copy()
    by_ensembl.var_names = table["ensembl"][20:].tolist()
    by_pair = cohort[:, :100].copy()
    by_pair.var_names = [f"{s}|{e}" for s, e in zip(table["symbol"][:100], table["entrez"][:100], strict=True)]
    genes = build_vocabulary([by_ensembl, by_pair], weighting="median", table=table)
    assert len(genes) == 120
    assert rank_store(by_pair, genes).n_genes == 100


# Statistics of several cohorts


@pytest.mark.parametrize("weighting", ["tfidf", "tfidf_smooth", "expression", "cohort_l2", "zscore"])
def test_two_halves_are_the_whole(cohort, weighting):
    X = cohort.X / cohort.X.sum(axis=1, keepdims=True)
    whole = fit_statistics([X], weighting)
    parts = [fit_statistics([X[:10]], weighting), fit_statistics([X[10:]], weighting)]
    # Two halves of one cohort are in one unit; the estimate of the unit is not exactly 1.
    combined = combine_statistics(parts, [np.arange(120)] * 2, 120)
    assert combined.n_obs == 30
    np.testing.assert_array_equal(combined.df, whole.df)
    tolerance = 1e-6 if weighting in ("tfidf", "tfidf_smooth", "expression") else 0.25
    np.testing.assert_allclose(combined.scale, whole.scale, rtol=tolerance)


@pytest.mark.parametrize("weighting", ["median", "cohort_l2", "zscore"])
def test_cohorts_in_other_units_are_brought_to_one(cohort, weighting):
    part = fit_statistics([cohort.X], weighting)
    # The same samples with the first sixty genes alone: a million is shared by fewer, so every level is higher.
    fewer = fit_statistics([cohort.X[:, :60]], weighting)
    combined = combine_statistics([part, fewer], [np.arange(120), np.arange(60)], 120)
    ratio = combined.scale / part.scale
    np.testing.assert_allclose(ratio / np.median(ratio), 1, rtol=0.35)
    np.testing.assert_allclose(ratio[60:], ratio[60:].mean(), rtol=1e-5), "genes of one cohort alone keep their ratios"


def test_equal_document_frequencies_tie():
    parts = [fit_statistics([np.eye(4)[:3] + (np.arange(4) > 1)], "tfidf") for _ in range(2)]
    combined = combine_statistics(parts, [np.arange(4), np.arange(4) + 2], 6)
    pairs = list(zip(combined.df, combined.scale, strict=True))
    assert combined.scale[0] == combined.scale[5] or combined.df[0] != combined.df[5]
    assert len({scale for df, scale in pairs if df == 3}) <= 2


def test_a_gene_that_one_cohort_lacks_is_not_taken_for_silent(cohort):
    lacking = cohort[:, 60:].copy()
    lacking.obs_names = [f"other{i}" for i in range(30)]
    genes = build_vocabulary([cohort, lacking], weighting="tfidf")
    alone = build_vocabulary(cohort, weighting="tfidf")
    place = [list(genes.symbols).index(symbol) for symbol in alone.symbols]
    np.testing.assert_allclose(genes.table["scale"].to_numpy()[place], alone.table["scale"], atol=0.06)


def test_means_of_scores_do_not_move_with_a_panel_of_high_genes(cohort):
    whole = build_vocabulary(cohort, weighting="expression")
    high = cohort[:, np.argsort(-cohort.X.mean(axis=0))[:40]].copy()
    high.obs_names = [f"panel{i}" for i in range(30)]
    both = build_vocabulary([cohort, high], weighting="expression")
    moved = np.abs(both.table["score_mean"] - whole.table["score_mean"])
    assert moved.max() < 0.35, "as ranks among forty high genes they would fall by more than a standard deviation"


def test_mouse_genes_are_refused():
    mouse = ad.AnnData(np.ones((3, 3), np.float32), var=pd.DataFrame(index=["Trp53", "Actb", "Gapdh"]))
    with pytest.raises(ValueError, match="mouse symbol"):
        build_vocabulary(mouse)
