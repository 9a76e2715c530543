"""Known answers: vectors that hold the answer are perfect, noise is chance, and each axis sees what it is about."""

from __future__ import annotations

import numpy as np
import pytest

from specformer import bench
from specformer.baselines import ssgsea
from specformer.bench._perturb import linear

PPCA = {"rank-PPCA": bench.LINEAR_REFERENCES["rank-PPCA-128"]}


def test_types_and_few_labels(cohorts, value):
    table = bench.run({"truth": "truth", "noise": "noise"}, cohorts, axes=["tumour type", "few labels"], n_boot=5)
    types = table[table["axis"] == "tumour type"]
    assert [value(types, "truth", metric) for metric in ("accuracy", "balanced accuracy", "precision@1")] == [1, 1, 1]
    # Four types, one of them (colon and rectum) twice as large.
    assert value(types, "noise", "balanced accuracy") == pytest.approx(0.25, abs=0.13)
    assert value(types, "noise", "precision@1") == pytest.approx(0.28, abs=0.16)
    for k in (1, 5, 10):
        assert value(table, "truth", "accuracy", f"{k} a type") == 1
        assert value(table, "noise", "accuracy", f"{k} a type") == pytest.approx(0.25, abs=0.1)


def test_missing_genes(cohorts, value):
    embedders = {
        "PCA": bench.LINEAR_REFERENCES["PCA-128"],
        "oracle": bench.LINEAR_REFERENCES["PCA refitted on the genes at hand"],
    }
    table = bench.run(embedders | PPCA, cohorts, axes=["missing genes"], n_boot=5)
    assert value(table, "rank-PPCA", "accuracy", "50% missing") > 0.95
    assert value(table, "rank-PPCA", "accuracy", "95% missing") < value(table, "rank-PPCA", "accuracy", "50% missing")
    assert value(table, "oracle", "accuracy", "95% missing") > value(table, "PCA", "accuracy", "95% missing")
    assert "PAM50 (6 genes)" in set(table["condition"])


def test_depth(cohorts, value):
    table = bench.run(PPCA, cohorts, axes=["depth"], n_boot=5)
    figures = [value(table, "rank-PPCA", "accuracy", reads) for reads in ("1M reads", "100k reads", "20k reads")]
    assert figures[0] > 0.95
    assert figures[2] <= figures[0]


def test_units(cohorts, value):
    def seen_by_name(adata):
        """Only the unit of genes GENE0 to GENE9 counts: their log share of the sample."""
        X = linear(adata)[:, 6:16]
        return np.log(X / X.sum(axis=1, keepdims=True) + 1e-3)

    whitened = {"whitened": bench.LINEAR_REFERENCES["rank-PPCA + WCCN"]}
    table = bench.run({"by place": seen_by_name} | PPCA | whitened, cohorts, axes=["units"], n_boot=5)
    assert value(table, "rank-PPCA", "accuracy", "HTSeq counts, Ensembl ids") > 0.95
    for scheme in ("cpm", "uq"):
        assert value(table, "by place", "same sample top-1", f"counts against {scheme}") == 1
        assert value(table, "by place", "cosine", f"counts against {scheme}") == pytest.approx(1, abs=1e-3)
        assert value(table, "by place", "label flips", f"counts against {scheme}") == 0
    assert value(table, "by place", "cosine", "counts against tpm") < 0.99
    pair = "RSEM counts against FPKM"
    assert value(table, "whitened", "cosine", pair) > value(table, "rank-PPCA", "cosine", pair)
    # Colon and rectum are the same tissue here, so that one in five can but be guessed.
    assert value(table, "whitened", "accuracy", "expected counts to FPKM") > 0.75


def test_healthy_tissue(cohorts, value):
    obs = cohorts["wide"].obs
    line = obs["tissue"].map({"BLCA": 0, "KIRC": 1, "UCEC": 10, "Bladder": 10, "Kidney": 0, "Uterus": 1}).fillna(0)
    cohorts["wide"].obsm["swapped"] = line.to_numpy(float)[:, None] * [1.0, 0.5] + [0, 1]
    table = bench.run(
        {name: name for name in ("tissue", "organ", "noise", "swapped")}, cohorts, axes=["healthy tissue"], n_boot=20
    )
    condition = "11 tissues, tumour or normal"
    assert value(table, "organ", "accuracy", "organs of GTEx from TCGA normals") == 1
    assert value(table, "noise", "accuracy", "organs of GTEx from TCGA normals") < 0.8
    assert value(table, "organ", "Procrustes disparity") == pytest.approx(0, abs=1e-9)
    assert value(table, "swapped", "Procrustes disparity") > 0.3
    assert value(table, "tissue", "accuracy", condition) > value(table, "noise", "accuracy", condition) + 0.4


def test_survival(cohorts, value):
    table = bench.run({"hazard": "hazard", "truth": "truth", "noise": "noise"}, cohorts, axes=["survival"], n_boot=5)
    for endpoint in ("OS", "PFI"):
        assert value(table, "hazard", "C within type", endpoint) > 0.7
        assert value(table, "truth", "C within type", endpoint) == 0.5
        assert value(table, "noise", "C within type", endpoint) == pytest.approx(0.5, abs=0.15)
        alone = table[(table["metric"] == "C pooled, type alone") & (table["condition"] == endpoint)]["value"]
        assert alone.nunique() == 1
        assert value(table, "truth", "C pooled", endpoint) == pytest.approx(alone.iloc[0])


def test_pathways(cohorts, value):
    wide = cohorts["wide"]
    wide.obsm["targets"] = ssgsea(linear(wide), wide.var_names, cohorts.gene_sets).to_numpy()
    table = bench.run({"targets": "targets", "noise": "noise"}, cohorts, axes=["pathways"], n_boot=5)
    for metric in ("sample-wise Pearson", "pathway-wise Pearson"):
        assert value(table, "targets", metric) > 0.999
        assert abs(value(table, "noise", metric)) < 0.25


def test_geometry(cohorts, value):
    panel = cohorts["panel"]
    panel.obsm["line"] = np.outer(np.arange(panel.n_obs), [1.0, 2.0])
    table = bench.run({"line": "line", "noise": "noise"}, cohorts, axes=["geometry"], n_boot=5)
    assert value(table, "line", "effective rank") == pytest.approx(1)
    assert value(table, "line", "top eigenvalue") == pytest.approx(1)
    assert 9 < value(table, "noise", "effective rank") <= 12


def test_purity(cohorts, value):
    table = bench.run(PPCA, cohorts, axes=["purity"], n_boot=5)
    figures = [value(table, "rank-PPCA", "accuracy", f"{share}% tumour") for share in (75, 50, 25)]
    assert figures[0] > 0.9
    assert figures == sorted(figures, reverse=True)
